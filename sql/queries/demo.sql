-- name: make(user_id, email, password_hash, rows)$
-- An account with all of its rows, or nothing: foreign keys are looked after at the end of the statement. rows is an object
-- with an array for each table. Versions are those of now: who asks for what has changed shall hear of all of it.
with inserted_user as (
    insert into users (id, email, password_hash, name, is_guest)
    values (:user_id, :email, :password_hash, 'Robin Demo', false)
    returning id),
inserted_tags as (
    insert into tags (user_id, id, name, slug, color, created_at, updated_at)
    select i.id, r.id, r.name, r.slug, r.color, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'tags') as r (id uuid, name text, slug text, color text,
        created_at timestamptz)),
inserted_tasks as (
    insert into tasks (user_id, id, title, description, completed, completed_at, due_date, priority, created_at,
        updated_at)
    select i.id, r.id, r.title, r.description, r.completed, r.completed_at, r.due_date, r.priority, r.created_at,
        r.updated_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'tasks') as r (id uuid, title text, description text,
        completed boolean, completed_at timestamptz, due_date date, priority integer, created_at timestamptz,
        updated_at timestamptz)),
inserted_habits as (
    insert into habits (user_id, id, name, kind, unit, target_value, frequency, target_days, weekdays, interval_days,
        nature, category, color, icon, reminder_time, position, created_at, updated_at)
    select i.id, r.id, r.name, r.kind, r.unit, r.target_value, r.frequency, r.target_days, r.weekdays, r.interval_days,
        r.nature, r.category, r.color, r.icon, r.reminder_time, r.position, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'habits') as r (id uuid, name text, kind text, unit text,
        target_value numeric, frequency text, target_days integer, weekdays integer[], interval_days integer,
        nature text, category text, color text, icon text, reminder_time time, position integer, created_at timestamptz)),
inserted_habit_entries as (
    insert into habit_entries (user_id, habit_id, date, completed, skipped, value, note, mood, completed_at,
        created_at, updated_at)
    select i.id, r.habit_id, r.date, r.completed, r.skipped, r.value, r.note, r.mood, r.completed_at, r.created_at,
        r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'habit_entries') as r (habit_id uuid, date date, completed boolean,
        skipped boolean, value numeric, note text, mood integer, completed_at timestamptz, created_at timestamptz)),
inserted_habit_comments as (
    insert into habit_comments (user_id, id, habit_id, date, text, created_at, updated_at)
    select i.id, r.id, r.habit_id, r.date, r.text, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'habit_comments') as r (id uuid, habit_id uuid, date date, text text,
        created_at timestamptz)),
inserted_goals as (
    insert into goals (user_id, id, title, goal_type, category, start_value, target_value, target_unit, start_date,
        end_date, status, priority, parent_id, completed_at, created_at, updated_at)
    select i.id, r.id, r.title, r.goal_type, r.category, r.start_value, r.target_value, r.target_unit, r.start_date,
        r.end_date, r.status, r.priority, r.parent_id, r.completed_at, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'goals') as r (id uuid, title text, goal_type text, category text,
        start_value numeric, target_value numeric, target_unit text, start_date date, end_date date, status text,
        priority integer, parent_id uuid, completed_at timestamptz, created_at timestamptz)),
inserted_goal_progress as (
    insert into goal_progress (user_id, id, goal_id, date, value, created_at, updated_at)
    select i.id, r.id, r.goal_id, r.date, r.value, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'goal_progress') as r (id uuid, goal_id uuid, date date,
        value numeric, created_at timestamptz)),
inserted_foods as (
    insert into foods (user_id, id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g,
        is_favorite, created_at, updated_at)
    select i.id, r.id, r.date, r.time, r.meal_type, r.name, r.portion, r.calories, r.protein_g, r.carbs_g, r.fats_g,
        r.is_favorite, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'foods') as r (id uuid, date date, time time, meal_type text,
        name text, portion text, calories numeric, protein_g numeric, carbs_g numeric, fats_g numeric,
        is_favorite boolean, created_at timestamptz)),
inserted_workouts as (
    insert into workouts (user_id, id, date, time, type, name, duration_minutes, calories_burned, intensity, location,
        mood_before, mood_after, created_at, updated_at)
    select i.id, r.id, r.date, r.time, r.type, r.name, r.duration_minutes, r.calories_burned, r.intensity, r.location,
        r.mood_before, r.mood_after, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'workouts') as r (id uuid, date date, time time, type text,
        name text, duration_minutes numeric, calories_burned numeric, intensity text, location text,
        mood_before integer, mood_after integer, created_at timestamptz)),
inserted_workout_exercises as (
    insert into workout_exercises (user_id, id, workout_id, position, name, type, sets, reps, weight, weight_unit,
        distance, distance_unit, duration_seconds, created_at)
    select i.id, r.id, r.workout_id, r.position, r.name, r.type, r.sets, r.reps, r.weight, r.weight_unit, r.distance,
        r.distance_unit, r.duration_seconds, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'workout_exercises') as r (id uuid, workout_id uuid,
        position integer, name text, type text, sets integer, reps integer, weight numeric, weight_unit text,
        distance numeric, distance_unit text, duration_seconds numeric, created_at timestamptz)),
inserted_daily_reviews as (
    insert into daily_reviews (user_id, id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml,
        screen_minutes, steps, highlights, challenges, gratitude, tomorrow, created_at, updated_at)
    select i.id, r.id, r.date, r.mood, r.energy, r.productivity, r.sleep_quality, r.sleep_hours, r.water_ml,
        r.screen_minutes, r.steps, r.highlights, r.challenges, r.gratitude, r.tomorrow, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'daily_reviews') as r (id uuid, date date, mood integer,
        energy integer, productivity integer, sleep_quality integer, sleep_hours numeric, water_ml integer,
        screen_minutes integer, steps integer, highlights text, challenges text, gratitude text, tomorrow text,
        created_at timestamptz)),
inserted_blog_entries as (
    insert into blog_entries (user_id, id, title, content, excerpt, slug, status, published_at, created_at, updated_at)
    select i.id, r.id, r.title, r.content, r.excerpt, r.slug, r.status, r.published_at, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'blog_entries') as r (id uuid, title text, content text,
        excerpt text, slug text, status text, published_at timestamptz, created_at timestamptz)),
inserted_conversations as (
    insert into conversations (user_id, id, title, last_seq, last_activity_at, created_at, updated_at)
    select i.id, r.id, r.title, r.last_seq, r.last_activity_at, r.created_at, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'conversations') as r (id uuid, title text, last_seq integer,
        last_activity_at timestamptz, created_at timestamptz)),
inserted_messages as (
    insert into messages (user_id, conversation_id, seq, role, content, created_at)
    select i.id, r.conversation_id, r.seq, r.role, r.content, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'messages') as r (conversation_id uuid, seq integer, role text,
        content text, created_at timestamptz)),
inserted_taggings as (
    insert into taggings (user_id, tag_id, taggable_type, taggable_id, created_at)
    select i.id, r.tag_id, r.taggable_type, r.taggable_id, r.created_at
    from inserted_user i
    cross join jsonb_to_recordset(:rows::jsonb -> 'taggings') as r (tag_id uuid, taggable_type text, taggable_id uuid,
        created_at timestamptz))
select id from inserted_user;
