-- One row of every kind for each task, under the task's id: so that the load needs to know no other ids.
create temp table seed as
select user_id, id, row_number() over (partition by user_id order by id)::integer as n from tasks;
insert into habits (user_id, id, name, description)
select user_id, id, 'Habit ' || n, 'On the balcony' || n from seed;
insert into habit_entries (user_id, habit_id, date, completed, skipped)
select s.user_id, s.id, '2016-01-01'::date + d, d % 7 <> 3 and d % 11 <> 5, d % 11 = 5
from (select user_id, id from seed where n = 1 order by user_id limit 10) s
cross join generate_series(0, 3649) d;
insert into goals (user_id, id, title, description, goal_type, target_value)
select user_id, id, 'Goal ' || n, 'On the balcony' || n, 'yearly', 12 from seed;
insert into goal_progress (user_id, goal_id, date, value)
select user_id, id, '2025-01-01'::date + n % 300, n % 12 from seed;
insert into foods (user_id, id, date, meal_type, name, calories, protein_g)
select user_id, id, '2024-01-01'::date + n, 'lunch', 'Soup ' || n, 250.5, 12 from seed;
insert into workouts (user_id, id, date, type, duration_minutes)
select user_id, id, '2024-01-01'::date + n, 'strength', 45 from seed;
insert into workout_exercises (user_id, workout_id, position, name, sets, reps, weight, weight_unit)
select user_id, id, position, 'Squat', 3, 5, 60.5, 'kg' from seed cross join generate_series(1, 4) position;
insert into daily_reviews (user_id, id, date, mood, sleep_hours, highlights)
select user_id, id, '2024-01-01'::date + n, 7, 7.5, 'Sun on the balcony' || n from seed;
insert into blog_entries (user_id, id, title, content, slug)
select user_id, id, 'Day ' || n, 'It rained on the balcony' || n, 'day-' || n from seed;
insert into conversations (user_id, id, title, last_seq)
select user_id, id, 'Talk ' || n, 1 from seed;
insert into messages (user_id, conversation_id, seq, role, content)
select user_id, id, 1, 'user', 'What about the balcony' || n from seed;
insert into media (user_id, id, file_name, content_type, size_bytes, sha256, storage_key)
select user_id, id, 'a.png', 'image/png', 1000, repeat('0', 64), id::text from seed;
insert into tags (user_id, id, name, slug)
select user_id, id, 'Tag ' || n, 'tag-' || n from seed
where n <= 20 or (n <= 500 and user_id = (select user_id from seed order by user_id limit 1));
insert into taggings (user_id, tag_id, taggable_type, taggable_id)
select t.user_id, t.id, 'tasks', s.id
from seed s
join seed t on t.user_id = s.user_id and t.n <= 20
where s.user_id = (select user_id from seed order by user_id limit 1);
vacuum analyze;
checkpoint;
