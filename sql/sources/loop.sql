-- name: version()$
pragma user_version;

-- name: habits()
-- With the first day that is marked: nothing else says when a habit was made.
select h.id as id, h.*, r.first_timestamp
from Habits h
left join (
    select habit, min(timestamp) as first_timestamp
    from Repetitions
    where typeof(timestamp) = 'integer' and timestamp >= -2208988800000
    group by habit) r on r.habit = h.id
order by h.id;

-- name: repetitions()
select r.id as id, r.* from Repetitions r order by r.habit, r.timestamp, r.id;

-- name: count_habits()$
select count(*) from Habits;

-- name: count_repetitions()$
select count(*) from Repetitions;
