-- Ids of each user's tasks, 50 of the oldest and 50 of the newest.
select u.user_id,
    array(select t.id from tasks t where t.user_id = u.user_id order by t.id limit 50)
    || array(select t.id from tasks t where t.user_id = u.user_id order by t.id desc limit 50) as ids
from unnest($1::uuid[]) as u (user_id);
