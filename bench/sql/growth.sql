-- What a user has after years, in a thousand rows of the main kinds, times growth.scale. Rows are made in the order in which they
-- come in from many users: those of one user lie apart, as they do in a database that has grown, and not side by side. Of 20,000 words a few are said often and most seldom, as in any language.
create temp table seed as select id as user_id from users;
create temp table seed_habits as
select user_id, uuidv7() as id, n from seed cross join generate_series(1, 10) n;
create temp table seed_goals as
select user_id, uuidv7() as id, n from seed cross join generate_series(1, 10) n;
create temp table seed_tags as
select user_id, uuidv7() as id, n from seed cross join generate_series(1, 5) n;
create temp table seed_workouts as
select s.user_id, uuidv7() as id, n
from generate_series(1, 20 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
create temp table seed_conversations as
select s.user_id, uuidv7() as id, n
from generate_series(1, 5 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
create temp table seed_tasks as
select s.user_id, uuidv7() as id, n
from generate_series(1, 10 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
analyze seed, seed_habits, seed_goals, seed_tags, seed_workouts, seed_conversations, seed_tasks;
insert into tasks (user_id, id, title, description, completed, completed_at, due_date, priority)
select s.user_id, uuidv7(), format('Task %s: water the plants on the balcony%s', n, n % 100),
    case when n % 2 = 0 then format('The ficus too, and the %s others; not more than a cup each.', n) end,
    n % 3 = 0, case when n % 3 = 0 then now() end, case when n % 2 = 0 then '2026-11-01'::date + n % 60 end, nullif(n % 6, 0)
from generate_series(1, 265 * current_setting('growth.scale')::integer - 25) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
-- Those that have tags.
insert into tasks (user_id, id, title)
select user_id, id, format('Errand %s: to the post office, and back by the market', n) from seed_tasks;
insert into habits (user_id, id, name, description)
select user_id, id, 'Habit ' || n, 'On the balcony' || n from seed_habits;
insert into habit_entries (user_id, habit_id, date, completed, skipped, note)
select h.user_id, h.id, '2026-11-01'::date - n, n % 7 <> 3 and n % 11 <> 5, n % 11 = 5,
    case when n % 10 = 0 then 'Went well, in spite of the rain' end
from generate_series(1, 39 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id, id from seed_habits where n > 0 offset 0) h;
insert into goals (user_id, id, title, description, goal_type, target_value)
select user_id, id, 'Goal ' || n, 'Twelve books on the balcony' || n, 'yearly', 12 from seed_goals;
insert into goal_progress (user_id, id, goal_id, date, value)
select g.user_id, uuidv7(), g.id, '2026-11-01'::date - n, n % 12
from generate_series(1, 4 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id, id from seed_goals where n > 0 offset 0) g;
insert into foods (user_id, id, date, time, meal_type, name, calories, protein_g, carbs_g)
select s.user_id, uuidv7(), '2026-11-01'::date - n / 4, '12:30', (array['breakfast', 'lunch', 'dinner', 'snack'])[1 + n % 4],
    'Soup of the day ' || n, 250.5, 12, 31.5
from generate_series(1, 100 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
insert into workouts (user_id, id, date, type, duration_minutes)
select user_id, id, '2026-11-01'::date - n, 'strength', 45 from seed_workouts;
insert into workout_exercises (user_id, id, workout_id, position, name, sets, reps, weight, weight_unit)
select user_id, uuidv7(), id, position, 'Squat', 3, 5, 60.5, 'kg' from seed_workouts cross join generate_series(1, 3) position;
insert into daily_reviews (user_id, id, date, mood, energy, sleep_hours, highlights, tomorrow)
select s.user_id, uuidv7(), '2026-11-01'::date - n, 1 + n % 10, 1 + n % 7, 7.5, 'Sun on the balcony' || n % 100, 'To the lake'
from generate_series(1, 40 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
insert into blog_entries (user_id, id, title, content, slug)
select s.user_id, uuidv7(), 'Day ' || n,
    (select string_agg('word' || floor(power((n * 7919 + i * 104729) % 9973 / 9973.0, 4) * 20000), ' ') from generate_series(1, 150) i), 'day-' || n
from generate_series(1, 10 * current_setting('growth.scale')::integer) n
cross join lateral (select user_id from seed where n > 0 offset 0) s;
insert into conversations (user_id, id, title, last_seq)
select user_id, id, 'Talk ' || n, 10 from seed_conversations;
-- Answers are longer than questions: 80 words, some 700 characters, and 15.
insert into messages (user_id, conversation_id, seq, role, content)
select user_id, id, seq, case when seq % 2 = 1 then 'user' else 'assistant' end,
    (select string_agg('word' || floor(power((n * 7919 + seq * 31 + i * 104729) % 9973 / 9973.0, 4) * 20000), ' ')
    from generate_series(1, case when seq % 2 = 1 then 15 else 80 end) i)
from seed_conversations
cross join generate_series(1, 10) seq;
insert into tags (user_id, id, name, slug)
select user_id, id, 'Tag ' || n, 'tag-' || n from seed_tags;
insert into taggings (user_id, id, tag_id, taggable_type, taggable_id)
select t.user_id, uuidv7(), g.id, 'tasks', t.id from seed_tasks t join seed_tags g on g.user_id = t.user_id and g.n = 1 + t.n % 5;
