-- The id of a user's task behind which $2 tasks are left in the list, newest first.
select id from tasks where user_id = $1 order by id offset $2::integer limit 1;
