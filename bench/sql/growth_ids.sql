-- Ids of a user's tasks, 50 of the oldest and 50 of the newest. One user at a time: so it is answered by a cluster, too.
(select id from tasks where user_id = $1 order by id limit 50)
union all
(select id from tasks where user_id = $1 order by id desc limit 50);
