-- name: users()
select * from users order by id;

-- name: count_users()$
select count(*) from users;

-- name: habits()
select * from habits order by id;

-- name: count_habits()$
select count(*) from habits;

-- name: habit_logs()
select * from habit_logs order by id;

-- name: count_habit_logs()$
select count(*) from habit_logs;

-- name: categories()
select * from categories order by id;

-- name: tags()
select * from tags order by id;

-- name: habit_tags()
select * from habit_tags order by habit_id, tag_id;

-- name: comments()
-- With the day that a comment is about.
select c.*, l.habit_id as log_habit_id, l.date as log_date
from comments c
left join habit_logs l on l.id = c.habit_log_id
order by c.id;
