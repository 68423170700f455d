-- name: create(user_id, new)^
-- new is the habit as JSON. No row: the chosen id is taken by this user's own habit; send get() as a second statement, as
-- in tasks.create. Where target_days is absent, a weekly habit gets 1, the others 7.
insert into habits (
    user_id, id, name, description, kind, unit, target_value, frequency, target_days, category, color, icon, reminder_time,
    is_archived, position)
select :user_id, coalesce(p.id, new_id()), p.name, p.description, p.kind, p.unit, p.target_value, p.frequency,
    coalesce(p.target_days, case p.frequency when 'weekly' then 1 else 7 end), p.category, p.color, p.icon, p.reminder_time,
    p.is_archived, p.position
from jsonb_populate_record(null::habits, :new::jsonb) p
on conflict (user_id, id) do nothing
returning id, name, description, kind, unit, target_value, frequency, target_days, category, color, icon, reminder_time,
    is_archived, position, created_at, updated_at, version;

-- name: get(user_id, id)^
select id, name, description, kind, unit, target_value, frequency, target_days, category, color, icon, reminder_time,
    is_archived, position, created_at, updated_at, version
from habits
where user_id = :user_id and id = :id;

-- name: page_newest(user_id, is_archived, tag, after, limit, bytes)
-- Newest first, each row as JSON; cursor and filters as in tasks.page_newest.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(habit)::text as json
    from (
        select id, name, description, kind, unit, target_value, frequency, target_days, category, color, icon,
            rfc3339(reminder_time) as reminder_time, is_archived, position, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from habits
        where user_id = :user_id
          and id < :after
          and (:is_archived::boolean is null or is_archived = :is_archived)
          and (:tag::text is null or exists (
              select 1 from taggings g join tags t on t.user_id = g.user_id and t.id = g.tag_id
              where g.user_id = :user_id and g.habit_id = habits.id and t.slug = :tag))
        order by id desc
        limit :limit) habit
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

-- name: page_oldest(user_id, is_archived, tag, after, limit, bytes)
-- Oldest first.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(habit)::text as json
    from (
        select id, name, description, kind, unit, target_value, frequency, target_days, category, color, icon,
            rfc3339(reminder_time) as reminder_time, is_archived, position, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from habits
        where user_id = :user_id
          and id > :after
          and (:is_archived::boolean is null or is_archived = :is_archived)
          and (:tag::text is null or exists (
              select 1 from taggings g join tags t on t.user_id = g.user_id and t.id = g.tag_id
              where g.user_id = :user_id and g.habit_id = habits.id and t.slug = :tag))
        order by id
        limit :limit) habit
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

-- name: patch(user_id, id, versions, changes)^
-- A merge patch as in tasks.patch. A habit that becomes daily, or no longer is, gets the target_days that create() gives it,
-- unless they are sent, too: those of a daily habit mean nothing.
update habits h
set (name, description, kind, unit, target_value, frequency, target_days, category, color, icon, reminder_time,
    is_archived, position) = (
    select p.name, p.description, p.kind, p.unit, p.target_value, p.frequency,
        case
            when (p.frequency = 'daily') = (h.frequency = 'daily') or :changes::jsonb -> 'target_days' is not null
                then p.target_days
            when p.frequency = 'weekly' then 1
            else 7
        end,
        p.category, p.color, p.icon, p.reminder_time, p.is_archived, p.position
    from jsonb_populate_record(h, :changes::jsonb) p)
where h.user_id = :user_id
  and h.id = :id
  and (:versions::int8multirange is null or h.version <@ :versions)
returning h.id, h.name, h.description, h.kind, h.unit, h.target_value, h.frequency, h.target_days, h.category, h.color,
    h.icon, h.reminder_time, h.is_archived, h.position, h.created_at, h.updated_at, h.version;

-- name: delete(user_id, id, versions)!
-- Its entries go with it, by cascade. Null versions: any.
delete from habits
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: put_entry(user_id, habit_id, date, versions, new)^
-- Makes the entry of a day or replaces it: is_made says which. new is the entry as JSON; where completed is absent, the
-- value is compared with the habit's present target. An entry that is there is replaced at one of these versions; null: any.
-- Version 0 among them: one may be made. Otherwise it is locked first, so that it cannot be deleted in between and then made
-- again. No row: not this user's habit, an entry at another version, or none and 0 is not among them.
with locked_entry as (
    select version from habit_entries
    where user_id = :user_id and habit_id = :habit_id and date = :date and not :versions::int8multirange @> 0::bigint
    for update)
insert into habit_entries (user_id, habit_id, date, completed, skipped, value, note, mood)
select h.user_id, h.id, :date,
    coalesce(
        p.completed,
        h.kind = 'numeric' and not p.skipped
            and case when h.target_value is null then p.value > 0 else p.value >= h.target_value end,
        false),
    p.skipped, p.value, p.note, p.mood
from habits h
cross join jsonb_populate_record(null::habit_entries, :new::jsonb) p
where h.user_id = :user_id
  and h.id = :habit_id
  and (:versions::int8multirange is null or :versions @> 0::bigint or exists (select 1 from locked_entry))
on conflict (user_id, habit_id, date) do update
set completed = excluded.completed, skipped = excluded.skipped, value = excluded.value, note = excluded.note,
    mood = excluded.mood
where :versions::int8multirange is null or habit_entries.version <@ :versions
-- A replaced row was locked by this statement, whose id is in its xmax; a new row has none.
returning habit_id, date, completed, skipped, value, note, mood, created_at, updated_at, version, xmax = 0 as is_made;

-- name: get_entry(user_id, habit_id, date)^
select habit_id, date, completed, skipped, value, note, mood, created_at, updated_at, version
from habit_entries
where user_id = :user_id and habit_id = :habit_id and date = :date;

-- name: page_entries_newest(user_id, habit_id, from_date, to_date, limit, bytes)
-- By date, newest first. A habit has one entry a day, so the cursor only shortens the range.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(entry)::text as json
    from (
        select habit_id, date, completed, skipped, value, note, mood, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from habit_entries
        where user_id = :user_id
          and habit_id = :habit_id
          and date between :from_date and :to_date
        order by date desc
        limit :limit) entry
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

-- name: page_entries_oldest(user_id, habit_id, from_date, to_date, limit, bytes)
-- By date, oldest first.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(entry)::text as json
    from (
        select habit_id, date, completed, skipped, value, note, mood, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from habit_entries
        where user_id = :user_id
          and habit_id = :habit_id
          and date between :from_date and :to_date
        order by date
        limit :limit) entry
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

-- name: delete_entry(user_id, habit_id, date, versions)!
-- Null versions: any.
delete from habit_entries
where user_id = :user_id
  and habit_id = :habit_id
  and date = :date
  and (:versions::int8multirange is null or version <@ :versions);

-- name: stats(user_id, id)^
-- The rules are in the docstring of repository.stats. No row: no such habit. Days and weeks are numbers here: 1900-01-01 is
-- day 0 and a Monday, so day / 7 is the week. A run (gaps and islands) is the number of a period less the count of met or
-- excused periods up to it: a missed period raises it by one and so begins another run; an excused one keeps it and is not
-- counted. The current period is not over: while it is open, so is the run of the previous one.
with found_habit as (
    select h.user_id, h.id,
        h.frequency = 'daily' as is_daily,
        h.target_days,
        case when h.frequency = 'daily' then 7 else h.target_days end as due_per_week,
        (now() at time zone u.timezone)::date as today,
        least((h.created_at at time zone u.timezone)::date, (
            select min(date) from habit_entries where user_id = :user_id and habit_id = :id)) as began_on,
        (now() at time zone u.timezone)::date - '1900-01-01'::date as day
    from habits h
    join users u on u.id = h.user_id
    where h.user_id = :user_id and h.id = :id),
read_entries as materialized (
    select e.date, e.date - '1900-01-01'::date as day, e.completed, e.skipped
    from found_habit h
    join habit_entries e on e.user_id = h.user_id and e.habit_id = h.id and e.date <= h.today),
counted_weeks as materialized (
    select day / 7 as week, count(*) filter (where completed) as completed, count(*) filter (where skipped) as skipped
    from read_entries
    group by day / 7),
counted_months as (
    select date_trunc('month', date::timestamp)::date as month, count(*) as completed
    from read_entries
    where completed
    group by 1),
judged_periods as (
    select e.day as period, e.completed as is_met, e.skipped as is_excused
    from read_entries e
    join found_habit h on h.is_daily
    union all
    select w.week, w.completed >= h.target_days, w.completed < h.target_days and w.completed + w.skipped = 7
    from counted_weeks w
    join found_habit h on not h.is_daily),
numbered_periods as materialized (
    select period, is_met, is_excused, period - row_number() over (order by period) as run
    from judged_periods
    where is_met or is_excused),
measured_runs as (
    select run, count(*) as length
    from numbered_periods
    where is_met
    group by run),
current_period as materialized (
    select h.period - (select count(*) from numbered_periods) as run,
        exists (select 1 from numbered_periods p where p.period = h.period and p.is_excused) as is_excused
    from (select case when is_daily then day else day / 7 end as period from found_habit) h),
recent_entries as materialized (
    select e.day, e.completed, e.skipped
    from read_entries e
    join found_habit h on e.day > h.day - 365),
counted_windows as (
    select w.days, h.due_per_week,
        count(*) filter (where e.completed) as completed,
        least(w.days, h.today - h.began_on + 1) - count(*) filter (where e.skipped) as due_days
    from found_habit h
    cross join (values (7), (30), (90), (365)) w (days)
    left join recent_entries e on e.day > h.day - w.days
    group by w.days, h.due_per_week, h.today, h.began_on),
rated_windows as (
    select days,
        case when due_days > 0 then least(1, completed * 7 / (due_days * due_per_week)::float8) end as rate
    from counted_windows)
select row_to_json(stats)::text as json
from (
    select coalesce((
            select r.length
            from measured_runs r
            join current_period c on r.run = c.run or r.run = c.run - 1 and not c.is_excused
            order by r.run desc
            limit 1), 0) as current_streak,
        coalesce((select max(length) from measured_runs), 0) as longest_streak,
        (select json_object_agg(days, rate order by days) from rated_windows) as completion_rate,
        coalesce((select sum(completed) from counted_weeks), 0) as total_completed,
        (select coalesce(json_agg(row_to_json(x) order by x.week), '[]')
            from (select '1900-01-01'::date + week * 7 as week, completed from counted_weeks where completed > 0) x) as by_week,
        (select coalesce(json_agg(row_to_json(x) order by x.month), '[]')
            from (select month, completed from counted_months) x) as by_month,
        (select day % 7 + 1 from read_entries where completed
            group by day % 7 order by count(*) desc, day % 7 limit 1) as best_weekday
    from found_habit) stats;

-- name: today(user_id)^
-- The first 1,000 habits that are due, in the user's order. Completing a habit today does not remove it from the list of
-- today: target_days is compared with the completed days of the week before today.
with asked_day as (
    select id as user_id, (now() at time zone timezone)::date as today from users where id = :user_id)
select row_to_json(due)::text as json
from (
    select d.today as date, (
        select coalesce(json_agg(h), '[]')
        from (
            select h.id, h.name, h.description, h.kind, h.unit, h.target_value, h.frequency, h.target_days, h.category,
                h.color, h.icon, rfc3339(h.reminder_time) as reminder_time, h.is_archived, h.position,
                rfc3339(h.created_at) as created_at, rfc3339(h.updated_at) as updated_at, h.version, e.entry,
                coalesce((e.entry ->> 'completed')::boolean, false) as is_done,
                w.completed as completed_this_week
            from habits h
            cross join lateral (
                select count(*) filter (where date < d.today) as earlier, count(*) as completed
                from habit_entries
                where user_id = :user_id
                  and habit_id = h.id
                  and date between d.today + 1 - extract(isodow from d.today)::integer and d.today
                  and completed) w
            left join lateral (
                select row_to_json(x) as entry
                from (
                    select habit_id, date, completed, skipped, value, note, mood, rfc3339(created_at) as created_at,
                        rfc3339(updated_at) as updated_at, version
                    from habit_entries
                    where user_id = :user_id and habit_id = h.id and date = d.today) x) e on true
            where h.user_id = :user_id
              and not h.is_archived
              and (h.frequency = 'daily' or w.earlier < h.target_days)
            order by h.position, h.id
            limit 1000) h) as items
    from asked_day d) due;
