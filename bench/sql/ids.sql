-- $2 ids of each user's tasks, for the load to choose from.
select u.user_id, array(
    select t.id from tasks t where t.user_id = u.user_id order by t.id limit $2::integer) as ids
from unnest($1::uuid[]) as u (user_id);
