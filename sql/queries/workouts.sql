-- name: create(user_id, id, new)^
-- new is the workout as JSON, with its exercises. No row: the chosen id is taken by this user's own workout; send get() as a
-- second statement.
with inserted_workout as (
    insert into workouts (
        user_id, id, date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
        feeling_before, feeling_after, notes)
    select :user_id, :id, p.date, p.time, p.type, p.name, p.duration_minutes, p.calories_burned,
        p.intensity, p.location, p.mood_before, p.mood_after, p.feeling_before, p.feeling_after, p.notes
    from jsonb_populate_record(null::workouts, :new::jsonb) p
    on conflict (user_id, id) do nothing
    returning id, date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
        feeling_before, feeling_after, notes, created_at, updated_at, version),
inserted_exercise as (
    insert into workout_exercises (
        user_id, workout_id, position, name, type, sets, reps, weight, weight_unit, distance, distance_unit, duration_seconds,
        rest_seconds, notes)
    select :user_id, w.id, s.position, p.name, p.type, p.sets, p.reps, p.weight, p.weight_unit, p.distance, p.distance_unit,
        p.duration_seconds, p.rest_seconds, p.notes
    from inserted_workout w
    cross join jsonb_array_elements(:new::jsonb -> 'exercises') with ordinality as s(exercise, position)
    cross join jsonb_populate_record(null::workout_exercises, s.exercise) p
    returning position, name, type, sets, reps, weight, weight_unit, weight_kg, distance, distance_unit, distance_m,
        duration_seconds, rest_seconds, notes)
select w.id, w.date, w.time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity, w.location, w.mood_before,
    w.mood_after, w.feeling_before, w.feeling_after, w.notes, w.created_at, w.updated_at, w.version,
    coalesce((select json_agg(row_to_json(e) order by e.position) from inserted_exercise e), '[]') as exercises
from inserted_workout w;

-- name: create_distributed(user_id, id, new)^
-- As create(), step by step: the exercises go to the worker that has the workout, which is there by then.
with inserted_workout as (
    insert into workouts (
        user_id, id, date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
        feeling_before, feeling_after, notes)
    select :user_id, :id, p.date, p.time, p.type, p.name, p.duration_minutes, p.calories_burned,
        p.intensity, p.location, p.mood_before, p.mood_after, p.feeling_before, p.feeling_after, p.notes
    from jsonb_populate_record(null::workouts, :new::jsonb) p
    on conflict (user_id, id) do nothing
    returning id, date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
        feeling_before, feeling_after, notes, created_at, updated_at, version),
sent_exercise as materialized (
    select new_id() as id, s.position, p.name, p.type, p.sets, p.reps, p.weight, p.weight_unit, p.distance, p.distance_unit,
        p.duration_seconds, p.rest_seconds, p.notes
    from jsonb_array_elements(:new::jsonb -> 'exercises') with ordinality as s(exercise, position)
    cross join jsonb_populate_record(null::workout_exercises, s.exercise) p),
inserted_exercise as (
    insert into workout_exercises as e (
        user_id, id, workout_id, position, name, type, sets, reps, weight, weight_unit, distance, distance_unit,
        duration_seconds, rest_seconds, notes)
    select w.user_id, s.id, w.id, s.position, s.name, s.type, s.sets, s.reps, s.weight, s.weight_unit, s.distance,
        s.distance_unit, s.duration_seconds, s.rest_seconds, s.notes
    from workouts w
    join inserted_workout i on i.id = w.id
    cross join sent_exercise s
    where w.user_id = :user_id and w.id = :id
    returning e.position, e.name, e.type, e.sets, e.reps, e.weight, e.weight_unit, e.weight_kg, e.distance, e.distance_unit,
        e.distance_m, e.duration_seconds, e.rest_seconds, e.notes)
select w.id, w.date, w.time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity, w.location, w.mood_before,
    w.mood_after, w.feeling_before, w.feeling_after, w.notes, w.created_at, w.updated_at, w.version,
    coalesce((select json_agg(row_to_json(e) order by e.position) from inserted_exercise e), '[]') as exercises
from inserted_workout w;

-- name: get(user_id, id)^
-- The exercises are one column of JSON.
select w.id, w.date, w.time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity, w.location, w.mood_before,
    w.mood_after, w.feeling_before, w.feeling_after, w.notes, w.created_at, w.updated_at, w.version,
    coalesce((
        select json_agg(row_to_json(e) order by e.position)
        from (
            select position, name, type, sets, reps, weight, weight_unit, weight_kg, distance, distance_unit, distance_m,
                duration_seconds, rest_seconds, notes
            from workout_exercises
            where user_id = :user_id and workout_id = w.id) e), '[]') as exercises
from workouts w
where w.user_id = :user_id and w.id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select w.id, w.date, w.time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity, w.location, w.mood_before,
    w.mood_after, w.feeling_before, w.feeling_after, w.notes, w.created_at, w.updated_at, w.version,
    coalesce((
        select json_agg(row_to_json(e) order by e.position)
        from (
            select position, name, type, sets, reps, weight, weight_unit, weight_kg, distance, distance_unit, distance_m,
                duration_seconds, rest_seconds, notes
            from workout_exercises
            where user_id = sent.user_id and workout_id = w.id) e), '[]') as exercises,
    sent.place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join workouts w on w.user_id = sent.user_id and w.id = sent.id;

-- name: page_newest(user_id, from_date, type, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Latest day first, each row with its exercises as JSON. A null filter means "do not filter". after_date and after_id are
-- those of the last row of the previous page; the first page passes the last day of the range and the highest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(workout), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'workouts', workout.id) t))
        else row_to_json(workout)::text end as json
    from (
        select w.id, w.date, rfc3339(w.time) as time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity,
            w.location, w.mood_before, w.mood_after, w.feeling_before, w.feeling_after, w.notes,
            rfc3339(w.created_at) as created_at, rfc3339(w.updated_at) as updated_at, w.version,
            coalesce((
                select json_agg(row_to_json(e) order by e.position)
                from (
                    select position, name, type, sets, reps, weight, weight_unit, weight_kg, distance, distance_unit,
                        distance_m, duration_seconds, rest_seconds, notes
                    from workout_exercises
                    where user_id = :user_id and workout_id = w.id) e), '[]') as exercises
        from (
            select id, date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
                feeling_before, feeling_after, notes, created_at, updated_at, version
            from workouts
            where user_id = :user_id
              and date >= :from_date
              and (date, id) < (:after_date, :after_id)
            order by date desc, id desc
            limit walked_rows()) w
        where (:type::text is null or w.type = :type)
          and (:since::bigint is null or w.version > :since)
          and (:tags::text[] is null or w.id in (select t.id from tagged(:user_id, 'workouts', :tags) t))
        order by w.date desc, w.id desc
        limit :limit) workout)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, date, id
        from workouts
        where user_id = :user_id
          and date >= :from_date
          and (date, id) < (:after_date, :after_id)
        order by date desc, id desc
        offset walked_rows() - 1 limit 1) last)
    limit :limit
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: page_oldest(user_id, to_date, type, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Earliest day first; the first page passes the first day of the range and the lowest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(workout), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'workouts', workout.id) t))
        else row_to_json(workout)::text end as json
    from (
        select w.id, w.date, rfc3339(w.time) as time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity,
            w.location, w.mood_before, w.mood_after, w.feeling_before, w.feeling_after, w.notes,
            rfc3339(w.created_at) as created_at, rfc3339(w.updated_at) as updated_at, w.version,
            coalesce((
                select json_agg(row_to_json(e) order by e.position)
                from (
                    select position, name, type, sets, reps, weight, weight_unit, weight_kg, distance, distance_unit,
                        distance_m, duration_seconds, rest_seconds, notes
                    from workout_exercises
                    where user_id = :user_id and workout_id = w.id) e), '[]') as exercises
        from (
            select id, date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
                feeling_before, feeling_after, notes, created_at, updated_at, version
            from workouts
            where user_id = :user_id
              and date <= :to_date
              and (date, id) > (:after_date, :after_id)
            order by date, id
            limit walked_rows()) w
        where (:type::text is null or w.type = :type)
          and (:since::bigint is null or w.version > :since)
          and (:tags::text[] is null or w.id in (select t.id from tagged(:user_id, 'workouts', :tags) t))
        order by w.date, w.id
        limit :limit) workout)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, date, id
        from workouts
        where user_id = :user_id
          and date <= :to_date
          and (date, id) > (:after_date, :after_id)
        order by date, id
        offset walked_rows() - 1 limit 1) last)
    limit :limit
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: total(user_id, from_date, to_date, type, since, tags)^
-- How many workouts pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, type, version
        from workouts
        where user_id = :user_id
          and date <= :to_date
          and (date, id) >= (:from_date, '00000000-0000-0000-0000-000000000000')
        order by date, id
        limit counted_rows()) w
    where (:type::text is null or w.type = :type)
      and (:since::bigint is null or w.version > :since)
      and (:tags::text[] is null or w.id in (select t.id from tagged(:user_id, 'workouts', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from workouts
        where user_id = :user_id
          and date <= :to_date
          and (date, id) >= (:from_date, '00000000-0000-0000-0000-000000000000')
        order by date, id
        offset counted_rows()) as total_is_exact
from found;

-- name: summary(user_id, from_date, to_date, by)
-- Earliest day (by = week: Monday) first; days without a workout are left out. Without dates: the 30 days that end today, in
-- the user's time zone. sum() ignores nulls, and is null where all values are.
with asked as (
    select coalesce(:from_date::date, (now() at time zone u.timezone)::date - 29) as from_date,
        coalesce(:to_date::date, (now() at time zone u.timezone)::date) as to_date
    from users u
    where u.id = :user_id)
select case :by::text when 'week' then date_trunc('week', w.date::timestamp)::date else w.date end as date,
    count(w.id)::integer as count, sum(w.duration_minutes) as minutes, sum(w.calories_burned) as calories_burned,
    sum(e.distance_m) as distance_m, sum(e.volume_kg) as volume_kg,
    count(w.id) filter (where w.intensity = 'low')::integer as low_intensity,
    count(w.id) filter (where w.intensity = 'medium')::integer as medium_intensity,
    count(w.id) filter (where w.intensity = 'high')::integer as high_intensity
from asked a
cross join workouts w
cross join lateral (
    select sum(x.distance_m) as distance_m, sum(x.weight_kg * x.sets * x.reps) as volume_kg
    from workout_exercises x
    where x.user_id = :user_id and x.workout_id = w.id) e
where w.user_id = :user_id
  and w.date between a.from_date and a.to_date
group by 1
order by 1;

-- name: lock(user_id, id, versions)$
-- First statement of a transaction that changes a workout: so the next ones read its latest exercises. Inside one of them the
-- lock would come too late for the snapshot. Null versions: any. No row: not this user's, or not at one of
-- them.
select id from workouts
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions)
for no key update;

-- name: replace_exercises(user_id, workout_id, exercises)$
-- exercises is the JSON of the whole list, whose order sets the positions. Returns how many rows changed: 0 for the same list.
-- Call lock() first.
with deleted_exercise as (
    delete from workout_exercises
    where user_id = :user_id and workout_id = :workout_id and position > jsonb_array_length(:exercises::jsonb)
    returning position),
written_exercise as (
    insert into workout_exercises as x (
        user_id, workout_id, position, name, type, sets, reps, weight, weight_unit, distance, distance_unit, duration_seconds,
        rest_seconds, notes)
    select :user_id, :workout_id, s.position, p.name, p.type, p.sets, p.reps, p.weight, p.weight_unit, p.distance,
        p.distance_unit, p.duration_seconds, p.rest_seconds, p.notes
    from jsonb_array_elements(:exercises::jsonb) with ordinality as s(exercise, position)
    cross join jsonb_populate_record(null::workout_exercises, s.exercise) p
    order by s.position
    on conflict (user_id, workout_id, position) do update
    set (name, type, sets, reps, weight, weight_unit, distance, distance_unit, duration_seconds, rest_seconds, notes) = row(
        excluded.name, excluded.type, excluded.sets, excluded.reps, excluded.weight, excluded.weight_unit, excluded.distance,
        excluded.distance_unit, excluded.duration_seconds, excluded.rest_seconds, excluded.notes)
    where (
        x.name, x.type, x.sets, x.reps, x.weight, x.weight_unit, x.distance, x.distance_unit, x.duration_seconds,
        x.rest_seconds, x.notes) is distinct from (
        excluded.name, excluded.type, excluded.sets, excluded.reps, excluded.weight, excluded.weight_unit, excluded.distance,
        excluded.distance_unit, excluded.duration_seconds, excluded.rest_seconds, excluded.notes)
    returning position)
select ((select count(position) from deleted_exercise) + (select count(position) from written_exercise))::integer as changed;

-- name: patch(user_id, id, changes, exercises_changed)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Changed exercises raise the version
-- here; touch() sees that it differs, and does the rest. Call lock() first.
update workouts w
set (date, time, type, name, duration_minutes, calories_burned, intensity, location, mood_before, mood_after,
    feeling_before, feeling_after, notes, version) = (
    select p.date, p.time, p.type, p.name, p.duration_minutes, p.calories_burned, p.intensity, p.location, p.mood_before,
        p.mood_after, p.feeling_before, p.feeling_after, p.notes, w.version + :exercises_changed::boolean::integer
    from jsonb_populate_record(w, :changes::jsonb) p)
where w.user_id = :user_id
  and w.id = :id
returning w.id, w.date, w.time, w.type, w.name, w.duration_minutes, w.calories_burned, w.intensity, w.location, w.mood_before,
    w.mood_after, w.feeling_before, w.feeling_after, w.notes, w.created_at, w.updated_at, w.version,
    coalesce((
        select json_agg(row_to_json(e) order by e.position)
        from (
            select position, name, type, sets, reps, weight, weight_unit, weight_kg, distance, distance_unit, distance_m,
                duration_seconds, rest_seconds, notes
            from workout_exercises
            where user_id = :user_id and workout_id = w.id) e), '[]') as exercises;

-- name: delete(user_id, id, versions)!
-- A foreign key deletes its exercises. Null versions: any.
delete from workouts
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);
