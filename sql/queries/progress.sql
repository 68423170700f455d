-- name: put(user_id, period, date, versions, new)^
-- Computes a snapshot from the present data, and makes or replaces it: is_made says which. The rules are in the docstring of
-- handlers.compute. new is the JSON of what the user says: an absent key keeps what stands, null clears it. A snapshot that is
-- there is replaced at one of these versions; null: any. Version 0 among them: one may be made. It is locked first, so that it
-- cannot be deleted in between and then made again, with what the user said before or at all. No row: a snapshot at another
-- version, or none and 0 is not among them.
with locked_snapshot as (
    select s as snapshot
    from progress_snapshots s
    where s.user_id = :user_id and s.period = :period and s.date = :date
    for update),
bounded as (
    select u.timezone, (now() at time zone u.timezone)::date as today, :date::date as first_date,
        (:date::date + case :period::text
            when 'daily' then interval '1 day'
            when 'weekly' then interval '7 days'
            when 'monthly' then interval '1 month'
            else interval '1 year' end)::date - 1 as last_date
    from users u
    where u.id = :user_id),
counted_goals as (
    select
        count(*) filter (
            where (g.created_at at time zone b.timezone)::date <= b.last_date
              and (g.status = 'active' or (g.completed_at at time zone b.timezone)::date > b.last_date)) as active,
        count(*) filter (
            where (g.completed_at at time zone b.timezone)::date between b.first_date and b.last_date) as completed
    from goals g cross join bounded b
    where g.user_id = :user_id),
bounded_habits as materialized (
    select h.id, h.frequency, h.target_days, h.weekdays, h.is_archived,
        case h.frequency when 'daily' then 1 when 'weekdays' then 1 when 'interval' then 1 / h.interval_days::float8
            when 'monthly' then null else h.target_days / 7::float8 end as daily_share,
        greatest(b.first_date, (h.created_at at time zone b.timezone)::date) as first_due,
        least(b.last_date, b.today) as last_due
    from habits h cross join bounded b
    where h.user_id = :user_id),
-- The ids are named so that each habit is one look into the key, whatever else was ever entered; PostgreSQL 17 and later passes
-- over all that have no entry at once. Completed and skipped days of a habit without a gap are one run: each date less its row
-- number is the same date.
kept_days as (
    select habit_id, date, completed, date - (row_number() over (order by habit_id, date))::integer as run
    from habit_entries
    where user_id = :user_id
      and habit_id = any(array(select id from bounded_habits))
      and date between (select first_date from bounded) and (select least(last_date, today) from bounded)
      and (completed or skipped)),
measured_runs as (
    select d.habit_id, count(*) filter (where d.completed) as length,
        count(*) filter (where d.completed and d.date >= h.first_due and (h.weekdays is null or d.weekday = any(h.weekdays)))
            as completed,
        sum(coalesce(h.daily_share, least(1, h.target_days / d.days_of_month))) filter (
            where not d.completed and d.date >= h.first_due and (h.weekdays is null or d.weekday = any(h.weekdays))) as excused
    from (
        select habit_id, date, completed, run, extract(isodow from date)::integer as weekday,
            extract(day from date_trunc('month', date::timestamp) + interval '1 month - 1 day')::float8 as days_of_month
        from kept_days) d
    join bounded_habits h on h.id = d.habit_id
    group by d.habit_id, d.run),
measured_habits as (
    select habit_id, max(length) as longest_run, sum(completed)::bigint as completed, sum(excused) as excused
    from measured_runs
    group by habit_id),
-- What is due in the period: a share of each day, or whole days of the week (1900-01-01 was a Monday), or a share of each month
-- by its length.
due_habits as (
    select h.frequency, h.is_archived, h.first_due, m.longest_run, coalesce(m.completed, 0) as completed,
        case h.frequency
            when 'weekdays' then greatest(0, (h.last_due - '1900-01-01'::date) / 7 * cardinality(h.weekdays)
                + width_bucket(extract(isodow from h.last_due)::integer, h.weekdays)
                - (h.first_due - 1 - '1900-01-01'::date) / 7 * cardinality(h.weekdays)
                - width_bucket(extract(isodow from h.first_due - 1)::integer, h.weekdays))
            when 'monthly' then coalesce((
                select sum(
                    (least(h.last_due, (month + interval '1 month')::date - 1) - greatest(h.first_due, month::date) + 1)
                    * least(1, h.target_days / ((month + interval '1 month')::date - month::date)::float8))
                from generate_series(
                    date_trunc('month', h.first_due::timestamp), h.last_due::timestamp, interval '1 month') month
                where h.first_due <= h.last_due), 0)
            else h.daily_share * greatest(h.last_due - h.first_due + 1, 0)
        end - coalesce(m.excused, 0) as due
    from bounded_habits h
    left join measured_habits m on m.habit_id = h.id),
-- Shares are fractions that a float rounds: ten digits take that back before the last four are kept.
rated_habits as (
    select
        round((sum(least(completed, due)) filter (where not is_archived)
            / nullif(sum(due) filter (where not is_archived and due > 1e-9), 0))::numeric, 10) as completion_rate,
        coalesce(max(longest_run) filter (where frequency = 'daily'), 0) as longest_streak,
        count(*) filter (where not is_archived and first_due <= (select last_date from bounded)) as active
    from due_habits),
counted_workouts as (
    select count(*) as count, coalesce(sum(w.duration_minutes), 0) as minutes
    from workouts w cross join bounded b
    where w.user_id = :user_id and w.date between b.first_date and b.last_date),
averaged_foods as (
    select sum(f.calories) / nullif(count(distinct f.date), 0) as calories
    from foods f cross join bounded b
    where f.user_id = :user_id and f.date between b.first_date and b.last_date and f.calories is not null),
averaged_reviews as (
    select avg(r.mood) as mood, avg(r.energy) as energy, avg(r.sleep_hours) as sleep
    from daily_reviews r cross join bounded b
    where r.user_id = :user_id and r.date between b.first_date and b.last_date),
-- The days of every time zone are within a day of those in UTC: that much is looked up in the index.
counted_entries as (
    select count(*) as count
    from blog_entries e cross join bounded b
    where e.user_id = :user_id
      and e.created_at >= (b.first_date - 1)::timestamp at time zone 'UTC'
      and e.created_at < (b.last_date + 2)::timestamp at time zone 'UTC'
      and (e.created_at at time zone b.timezone)::date between b.first_date and b.last_date)
insert into progress_snapshots (
    user_id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
    workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
    weight_unit, body_fat_percent)
select :user_id, :period, :date, g.active, g.completed, trim_scale(round(h.completion_rate, 4)),
    h.longest_streak, w.count, trim_scale(w.minutes),
    trim_scale(round(f.calories, 2)), trim_scale(round(r.mood, 2)), trim_scale(round(r.energy, 2)),
    trim_scale(round(r.sleep, 2)), h.active, e.count, p.notes,
    p.weight, p.weight_unit, p.body_fat_percent
from counted_goals g
cross join rated_habits h
cross join counted_workouts w
cross join averaged_foods f
cross join averaged_reviews r
cross join counted_entries e
left join locked_snapshot l on true
cross join jsonb_populate_record(l.snapshot, :new::jsonb) p
where :versions::int8multirange is null or :versions @> 0::bigint or exists (select 1 from locked_snapshot)
-- What stands now may have been made by another put after this statement looked for it: what that one said stays, too.
on conflict (user_id, period, date) do update set
    goals_active = excluded.goals_active,
    goals_completed = excluded.goals_completed,
    habit_completion_rate = excluded.habit_completion_rate,
    longest_streak = excluded.longest_streak,
    workouts_count = excluded.workouts_count,
    workout_minutes = excluded.workout_minutes,
    calories_avg = excluded.calories_avg,
    mood_avg = excluded.mood_avg,
    energy_avg = excluded.energy_avg,
    sleep_avg = excluded.sleep_avg,
    habits_active = excluded.habits_active,
    blog_entries_count = excluded.blog_entries_count,
    (notes, weight, weight_unit, body_fat_percent) = (
        select p.notes, p.weight, p.weight_unit, p.body_fat_percent
        from jsonb_populate_record(progress_snapshots, :new::jsonb) p)
where :versions::int8multirange is null or progress_snapshots.version <@ :versions
-- A replaced row was locked by this statement, whose id is in its xmax; a new row has none.
returning id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
    workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
    weight_unit, body_fat_percent, created_at, updated_at, version, xmax = 0 as is_made;

-- name: put_distributed(user_id, period, date, versions, new)^
-- As put(), but "on conflict" names no parameter, which Citus would not send: what is proposed is the row as it shall be, with
-- the id of the one that it replaces; one with another id was made meanwhile, see version_for_put(). Of that one a null clears
-- nothing, since it cannot be told from an absent key there: put() is exact in this, so there are two forms.
with locked_fields as (
    select id, notes, weight, weight_unit, body_fat_percent, version
    from progress_snapshots
    where user_id = :user_id and period = :period and date = :date
    for update),
bounded as (
    select u.timezone, (now() at time zone u.timezone)::date as today, :date::date as first_date,
        (:date::date + case :period::text
            when 'daily' then interval '1 day'
            when 'weekly' then interval '7 days'
            when 'monthly' then interval '1 month'
            else interval '1 year' end)::date - 1 as last_date
    from users u
    where u.id = :user_id),
counted_goals as (
    select
        count(*) filter (
            where (g.created_at at time zone b.timezone)::date <= b.last_date
              and (g.status = 'active' or (g.completed_at at time zone b.timezone)::date > b.last_date)) as active,
        count(*) filter (
            where (g.completed_at at time zone b.timezone)::date between b.first_date and b.last_date) as completed
    from goals g cross join bounded b
    where g.user_id = :user_id),
bounded_habits as materialized (
    select h.id, h.frequency, h.target_days, h.weekdays, h.is_archived,
        case h.frequency when 'daily' then 1 when 'weekdays' then 1 when 'interval' then 1 / h.interval_days::float8
            when 'monthly' then null else h.target_days / 7::float8 end as daily_share,
        greatest(b.first_date, (h.created_at at time zone b.timezone)::date) as first_due,
        least(b.last_date, b.today) as last_due
    from habits h cross join bounded b
    where h.user_id = :user_id),
-- The ids are named so that each habit is one look into the key, whatever else was ever entered; PostgreSQL 17 and later passes
-- over all that have no entry at once. Completed and skipped days of a habit without a gap are one run: each date less its row
-- number is the same date.
kept_days as (
    select habit_id, date, completed, date - (row_number() over (order by habit_id, date))::integer as run
    from habit_entries
    where user_id = :user_id
      and habit_id = any(array(select id from bounded_habits))
      and date between (select first_date from bounded) and (select least(last_date, today) from bounded)
      and (completed or skipped)),
measured_runs as (
    select d.habit_id, count(*) filter (where d.completed) as length,
        count(*) filter (where d.completed and d.date >= h.first_due and (h.weekdays is null or d.weekday = any(h.weekdays)))
            as completed,
        sum(coalesce(h.daily_share, least(1, h.target_days / d.days_of_month))) filter (
            where not d.completed and d.date >= h.first_due and (h.weekdays is null or d.weekday = any(h.weekdays))) as excused
    from (
        select habit_id, date, completed, run, extract(isodow from date)::integer as weekday,
            extract(day from date_trunc('month', date::timestamp) + interval '1 month - 1 day')::float8 as days_of_month
        from kept_days) d
    join bounded_habits h on h.id = d.habit_id
    group by d.habit_id, d.run),
measured_habits as (
    select habit_id, max(length) as longest_run, sum(completed)::bigint as completed, sum(excused) as excused
    from measured_runs
    group by habit_id),
-- What is due in the period: a share of each day, or whole days of the week (1900-01-01 was a Monday), or a share of each month
-- by its length.
due_habits as (
    select h.frequency, h.is_archived, h.first_due, m.longest_run, coalesce(m.completed, 0) as completed,
        case h.frequency
            when 'weekdays' then greatest(0, (h.last_due - '1900-01-01'::date) / 7 * cardinality(h.weekdays)
                + width_bucket(extract(isodow from h.last_due)::integer, h.weekdays)
                - (h.first_due - 1 - '1900-01-01'::date) / 7 * cardinality(h.weekdays)
                - width_bucket(extract(isodow from h.first_due - 1)::integer, h.weekdays))
            when 'monthly' then coalesce((
                select sum(
                    (least(h.last_due, (month + interval '1 month')::date - 1) - greatest(h.first_due, month::date) + 1)
                    * least(1, h.target_days / ((month + interval '1 month')::date - month::date)::float8))
                from generate_series(
                    date_trunc('month', h.first_due::timestamp), h.last_due::timestamp, interval '1 month') month
                where h.first_due <= h.last_due), 0)
            else h.daily_share * greatest(h.last_due - h.first_due + 1, 0)
        end - coalesce(m.excused, 0) as due
    from bounded_habits h
    left join measured_habits m on m.habit_id = h.id),
-- Shares are fractions that a float rounds: ten digits take that back before the last four are kept.
rated_habits as (
    select
        round((sum(least(completed, due)) filter (where not is_archived)
            / nullif(sum(due) filter (where not is_archived and due > 1e-9), 0))::numeric, 10) as completion_rate,
        coalesce(max(longest_run) filter (where frequency = 'daily'), 0) as longest_streak,
        count(*) filter (where not is_archived and first_due <= (select last_date from bounded)) as active
    from due_habits),
counted_workouts as (
    select count(*) as count, coalesce(sum(w.duration_minutes), 0) as minutes
    from workouts w cross join bounded b
    where w.user_id = :user_id and w.date between b.first_date and b.last_date),
averaged_foods as (
    select sum(f.calories) / nullif(count(distinct f.date), 0) as calories
    from foods f cross join bounded b
    where f.user_id = :user_id and f.date between b.first_date and b.last_date and f.calories is not null),
averaged_reviews as (
    select avg(r.mood) as mood, avg(r.energy) as energy, avg(r.sleep_hours) as sleep
    from daily_reviews r cross join bounded b
    where r.user_id = :user_id and r.date between b.first_date and b.last_date),
-- The days of every time zone are within a day of those in UTC: that much is looked up in the index.
counted_entries as (
    select count(*) as count
    from blog_entries e cross join bounded b
    where e.user_id = :user_id
      and e.created_at >= (b.first_date - 1)::timestamp at time zone 'UTC'
      and e.created_at < (b.last_date + 2)::timestamp at time zone 'UTC'
      and (e.created_at at time zone b.timezone)::date between b.first_date and b.last_date),
proposed_snapshot as (
    select coalesce(l.id, new_id()) as id, l.version as locked_version,
        version_for_put(:versions::int8multirange is null or l.version is not null) as version,
        case when :new::jsonb -> 'notes' is null then l.notes else p.notes end as notes,
        case when :new::jsonb -> 'weight' is null then l.weight else p.weight end as weight,
        case when :new::jsonb -> 'weight_unit' is null then l.weight_unit else p.weight_unit end as weight_unit,
        case when :new::jsonb -> 'body_fat_percent' is null then l.body_fat_percent else p.body_fat_percent end
            as body_fat_percent
    from jsonb_populate_record(null::progress_snapshots, :new::jsonb) p
    left join locked_fields l on true)
insert into progress_snapshots (
    user_id, id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
    workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
    weight_unit, body_fat_percent, version)
select :user_id, p.id, :period, :date, g.active, g.completed, trim_scale(round(h.completion_rate, 4)),
    h.longest_streak, w.count, trim_scale(w.minutes),
    trim_scale(round(f.calories, 2)), trim_scale(round(r.mood, 2)), trim_scale(round(r.energy, 2)),
    trim_scale(round(r.sleep, 2)), h.active, e.count, p.notes,
    p.weight, p.weight_unit, p.body_fat_percent, p.version
from counted_goals g
cross join rated_habits h
cross join counted_workouts w
cross join averaged_foods f
cross join averaged_reviews r
cross join counted_entries e
cross join proposed_snapshot p
where :versions::int8multirange is null
   or p.locked_version <@ :versions
   or :versions @> 0::bigint and p.locked_version is null
on conflict (user_id, period, date) do update
set goals_active = excluded.goals_active,
    goals_completed = excluded.goals_completed,
    habit_completion_rate = excluded.habit_completion_rate,
    longest_streak = excluded.longest_streak,
    workouts_count = excluded.workouts_count,
    workout_minutes = excluded.workout_minutes,
    calories_avg = excluded.calories_avg,
    mood_avg = excluded.mood_avg,
    energy_avg = excluded.energy_avg,
    sleep_avg = excluded.sleep_avg,
    habits_active = excluded.habits_active,
    blog_entries_count = excluded.blog_entries_count,
    notes = case when excluded.id = progress_snapshots.id then excluded.notes
        else coalesce(excluded.notes, progress_snapshots.notes) end,
    weight = case when excluded.id = progress_snapshots.id then excluded.weight
        else coalesce(excluded.weight, progress_snapshots.weight) end,
    weight_unit = case when excluded.id = progress_snapshots.id then excluded.weight_unit
        else coalesce(excluded.weight_unit, progress_snapshots.weight_unit) end,
    body_fat_percent = case when excluded.id = progress_snapshots.id then excluded.body_fat_percent
        else coalesce(excluded.body_fat_percent, progress_snapshots.body_fat_percent) end
where excluded.version & 1 = 1
returning id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
    workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
    weight_unit, body_fat_percent, created_at, updated_at, version, xmax = 0 as is_made;

-- name: get(user_id, period, date)^
select id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
    workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
    weight_unit, body_fat_percent, created_at, updated_at, version
from progress_snapshots
where user_id = :user_id and period = :period and date = :date;

-- name: get_many(user_id, period, date)
-- get() for several calls at once; place says which of them a row is for.
select id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
    workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
    weight_unit, body_fat_percent, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :period::text[], :date::date[]) with ordinality as sent (user_id, period, date, place)
join progress_snapshots using (user_id, period, date);

-- name: page_newest(user_id, period, from_date, after_date, after_id, limit, bytes)
-- Latest day first, each row as JSON. A null period means "do not filter". after_date and after_id are those of the last row of
-- the previous page; the first page passes the last day of the range and the highest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(snapshot)::text as json
    from (
        select id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
            workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
            weight_unit, body_fat_percent, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from progress_snapshots
        where user_id = :user_id
          and date >= :from_date
          and (date, id) < (:after_date, :after_id)
          and (:period::text is null or period = :period)
        order by date desc, id desc
        limit :limit) snapshot
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

-- name: page_oldest(user_id, period, to_date, after_date, after_id, limit, bytes)
-- Earliest day first; the first page passes the first day of the range and the lowest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(snapshot)::text as json
    from (
        select id, period, date, goals_active, goals_completed, habit_completion_rate, longest_streak, workouts_count,
            workout_minutes, calories_avg, mood_avg, energy_avg, sleep_avg, habits_active, blog_entries_count, notes, weight,
            weight_unit, body_fat_percent, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from progress_snapshots
        where user_id = :user_id
          and date <= :to_date
          and (date, id) > (:after_date, :after_id)
          and (:period::text is null or period = :period)
        order by date, id
        limit :limit) snapshot
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

-- name: delete(user_id, period, date, versions)!
-- Null versions: any.
delete from progress_snapshots
where user_id = :user_id
  and period = :period
  and date = :date
  and (:versions::int8multirange is null or version <@ :versions);
