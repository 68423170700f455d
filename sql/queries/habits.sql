-- name: create(user_id, id, new)^
-- new is the habit as JSON. No row: the chosen id is taken by this user's own habit; send get() as a second statement, as
-- in tasks.create. Where target_days is absent, the habit gets those of its frequency.
insert into habits (
    user_id, id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position)
select :user_id, :id, p.name, p.description, p.kind, p.unit, p.target_value, p.frequency,
    case when :new::jsonb -> 'target_days' is null then default_target_days(p.frequency) else p.target_days end, p.weekdays,
    p.interval_days, p.nature, p.reward, p.duration_seconds, p.related_habit_id, p.category, p.color, p.icon, p.reminder_time,
    p.is_archived, p.position
from jsonb_populate_record(null::habits, :new::jsonb) p
on conflict (user_id, id) do nothing
returning id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position, created_at, updated_at,
    version;

-- name: create_many(user_id, id, new)
-- create() for several calls at once, as in tasks.create_many.
insert into habits (
    user_id, id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position)
select sent.user_id, sent.id, p.name, p.description, p.kind, p.unit, p.target_value, p.frequency,
    case when sent.new::jsonb -> 'target_days' is null then default_target_days(p.frequency) else p.target_days end, p.weekdays,
    p.interval_days, p.nature, p.reward, p.duration_seconds, p.related_habit_id, p.category, p.color, p.icon, p.reminder_time,
    p.is_archived, p.position
from unnest(:user_id::uuid[], :id::uuid[], :new::text[]) as sent (user_id, id, new)
cross join jsonb_populate_record(null::habits, sent.new::jsonb) p
order by sent.user_id, sent.id
on conflict (user_id, id) do nothing
returning id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position, created_at, updated_at,
    version, array_position(:id::uuid[], id) as place;

-- name: get(user_id, id)^
select id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position, created_at, updated_at,
    version
from habits
where user_id = :user_id and id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position, created_at, updated_at,
    version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join habits using (user_id, id);

-- name: page_newest(user_id, is_archived, since, tags, with_tags, after, limit, bytes)
-- Newest first, each row as JSON; cursor and filters as in tasks.page_newest.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(habit), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'habits', habit.id) t))
        else row_to_json(habit)::text end as json
    from (
        select id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
            duration_seconds, related_habit_id, category, color, icon, rfc3339(reminder_time) as reminder_time, is_archived,
            position, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature,
                reward, duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position,
                created_at, updated_at, version
            from habits
            where user_id = :user_id
              and id < :after
            order by id desc
            limit walked_rows()) habits
        where (:is_archived::boolean is null or is_archived = :is_archived)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or habits.id in (select t.id from tagged(:user_id, 'habits', :tags) t))
        order by id desc
        limit :limit) habit)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from habits
        where user_id = :user_id
          and id < :after
        order by id desc
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

-- name: page_oldest(user_id, is_archived, since, tags, with_tags, after, limit, bytes)
-- Oldest first.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(habit), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'habits', habit.id) t))
        else row_to_json(habit)::text end as json
    from (
        select id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
            duration_seconds, related_habit_id, category, color, icon, rfc3339(reminder_time) as reminder_time, is_archived,
            position, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature,
                reward, duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position,
                created_at, updated_at, version
            from habits
            where user_id = :user_id
              and id > :after
            order by id
            limit walked_rows()) habits
        where (:is_archived::boolean is null or is_archived = :is_archived)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or habits.id in (select t.id from tagged(:user_id, 'habits', :tags) t))
        order by id
        limit :limit) habit)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from habits
        where user_id = :user_id
          and id > :after
        order by id
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

-- name: total(user_id, is_archived, since, tags)^
-- How many habits pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, is_archived, version
        from habits
        where user_id = :user_id
        order by id
        limit counted_rows()) habits
    where (:is_archived::boolean is null or is_archived = :is_archived)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or habits.id in (select t.id from tagged(:user_id, 'habits', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from habits
        where user_id = :user_id
        order by id
        offset counted_rows()) as total_is_exact
from found;

-- name: patch(user_id, id, versions, changes)^
-- A merge patch as in tasks.patch. A habit with another frequency gets what create() would give it, and loses what that has no
-- use for, unless it is sent, too. Days of a week stay days of a week: weekly and custom habits keep their target_days.
update habits h
set (name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position) = (
    select p.name, p.description, p.kind, p.unit, p.target_value, p.frequency,
        case
            when :changes::jsonb -> 'target_days' is not null or p.frequency = h.frequency
                or p.frequency in ('weekly', 'custom') and h.frequency in ('weekly', 'custom')
                then p.target_days
            else default_target_days(p.frequency)
        end,
        case when :changes::jsonb -> 'weekdays' is not null or p.frequency = h.frequency then p.weekdays end,
        case when :changes::jsonb -> 'interval_days' is not null or p.frequency = h.frequency then p.interval_days end,
        p.nature, p.reward, p.duration_seconds, p.related_habit_id, p.category, p.color, p.icon, p.reminder_time,
        p.is_archived, p.position
    from jsonb_populate_record(h, :changes::jsonb) p)
where h.user_id = :user_id
  and h.id = :id
  and (:versions::int8multirange is null or h.version <@ :versions)
returning h.id, h.name, h.description, h.kind, h.unit, h.target_value, h.frequency, h.target_days, h.weekdays,
    h.interval_days, h.nature, h.reward, h.duration_seconds, h.related_habit_id, h.category, h.color, h.icon, h.reminder_time,
    h.is_archived, h.position, h.created_at, h.updated_at, h.version;

-- name: patch_many(user_id, id, changes)
-- patch() of any version for several calls at once, as in tasks.patch_many.
with locked_habit as (
    select h.user_id, h.id, sent.changes, sent.place
    from unnest(:user_id::uuid[], :id::uuid[], :changes::text[]) with ordinality as sent (user_id, id, changes, place)
    join habits h on h.user_id = sent.user_id and h.id = sent.id
    for no key update of h skip locked)
update habits h
set (name, description, kind, unit, target_value, frequency, target_days, weekdays, interval_days, nature, reward,
    duration_seconds, related_habit_id, category, color, icon, reminder_time, is_archived, position) = (
    select p.name, p.description, p.kind, p.unit, p.target_value, p.frequency,
        case
            when l.changes::jsonb -> 'target_days' is not null or p.frequency = h.frequency
                or p.frequency in ('weekly', 'custom') and h.frequency in ('weekly', 'custom')
                then p.target_days
            else default_target_days(p.frequency)
        end,
        case when l.changes::jsonb -> 'weekdays' is not null or p.frequency = h.frequency then p.weekdays end,
        case when l.changes::jsonb -> 'interval_days' is not null or p.frequency = h.frequency then p.interval_days end,
        p.nature, p.reward, p.duration_seconds, p.related_habit_id, p.category, p.color, p.icon, p.reminder_time,
        p.is_archived, p.position
    from jsonb_populate_record(h, l.changes::jsonb) p)
from locked_habit l
where h.user_id = l.user_id and h.id = l.id
returning h.id, h.name, h.description, h.kind, h.unit, h.target_value, h.frequency, h.target_days, h.weekdays,
    h.interval_days, h.nature, h.reward, h.duration_seconds, h.related_habit_id, h.category, h.color, h.icon, h.reminder_time,
    h.is_archived, h.position, h.created_at, h.updated_at, h.version, l.place;

-- name: delete(user_id, id, versions)!
-- Its entries go with it, by cascade; habits that name it as related no longer do. Null versions: any.
with found_habit as (
    select id from habits
    where user_id = :user_id
      and id = :id
      and (:versions::int8multirange is null or version <@ :versions)
    for update),
unrelated_habit as (
    update habits h
    set related_habit_id = null
    from found_habit f
    where h.user_id = :user_id and h.related_habit_id = f.id)
delete from habits
where user_id = :user_id
  and id in (select id from found_habit);

-- name: put_entry(user_id, habit_id, date, versions, new)^
-- Makes the entry of a day or replaces it: is_made says which. new is the entry as JSON; where completed is absent, the
-- value is compared with the habit's present target; where completed_at is, a completed entry keeps its own (that of the row
-- as it is locked: a patch may have changed it meanwhile), and one that becomes completed gets now(); null is written.
-- An entry that is there is replaced at one of these versions; null: any. Version 0 among them: one may be made. It is locked
-- first, so that it is not changed or deleted in between; one that is made in between is not replaced, see version_for_put().
-- "On conflict" names no parameter, which Citus would not send: what got now() as completed_at has it as created_at, too. A
-- volatile function among the inserted columns would be given other columns by Citus than those that it names.
-- No row: not this user's habit, an entry at another version, or none and 0 is not among them.
with locked_entry as (
    select version from habit_entries
    where user_id = :user_id and habit_id = :habit_id and date = :date and :versions::int8multirange is not null
    for update),
judged_entry as (
    select h.id as habit_id, p.skipped, p.value, p.note, p.mood, p.feeling, p.duration_seconds, p.completed_at,
        coalesce(p.completed, h.kind = 'numeric' and reaches_target(p.value, p.skipped, h.target_value)) as completed,
        (select version from locked_entry) as locked_version,
        version_for_put(:versions::int8multirange is null or exists (select from locked_entry)) as version
    from habits h
    cross join jsonb_populate_record(null::habit_entries, :new::jsonb) p
    where h.user_id = :user_id and h.id = :habit_id)
insert into habit_entries (
    user_id, habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, version)
select :user_id, j.habit_id, :date, j.completed, j.skipped, j.value, j.note, j.mood, j.feeling, j.duration_seconds,
    case when :new::jsonb -> 'completed_at' is null and j.completed then now() else j.completed_at end,
    j.version
from judged_entry j
-- At another version nothing is tried: what the entry may not be is a 422 only after its condition.
where :versions::int8multirange is null
   or j.locked_version <@ :versions
   or :versions @> 0::bigint and j.locked_version is null
on conflict (user_id, habit_id, date) do update
set completed = excluded.completed, skipped = excluded.skipped, value = excluded.value, note = excluded.note,
    mood = excluded.mood, feeling = excluded.feeling, duration_seconds = excluded.duration_seconds,
    completed_at = case
        when excluded.completed_at = excluded.created_at and habit_entries.completed and excluded.completed
            then habit_entries.completed_at
        else excluded.completed_at
    end
where excluded.version & 1 = 1
-- A replaced row was locked by this statement, whose id is in its xmax; a new row has none.
returning habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, created_at,
    updated_at, version, xmax = 0 as is_made;

-- name: lock_entries(user_id, habit_id, dates)
-- The entries of these days, which nobody else changes until the transaction ends.
select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, created_at, updated_at,
    version
from habit_entries
where user_id = :user_id and habit_id = :habit_id and date = any(:dates::date[])
order by date
for update;

-- name: put_entries(user_id, habit_id, new)
-- put_entry() of any version for several days at once: new is an object of entries by date. All are written, or none. They are
-- written by date, so that two requests with the same days never wait for each other. No row: not this user's habit.
with judged_entry as (
    select h.id as habit_id, sent.date::date as date, sent.entry -> 'completed_at' is null as is_untimed, p.skipped, p.value,
        p.note, p.mood, p.feeling, p.duration_seconds, p.completed_at,
        coalesce(p.completed, h.kind = 'numeric' and reaches_target(p.value, p.skipped, h.target_value)) as completed
    from habits h
    cross join jsonb_each(:new::jsonb) as sent (date, entry)
    cross join jsonb_populate_record(null::habit_entries, sent.entry) p
    where h.user_id = :user_id and h.id = :habit_id)
insert into habit_entries (
    user_id, habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at)
select :user_id, j.habit_id, j.date, j.completed, j.skipped, j.value, j.note, j.mood, j.feeling, j.duration_seconds,
    case when j.is_untimed and j.completed then now() else j.completed_at end
from judged_entry j
order by j.date
on conflict (user_id, habit_id, date) do update
set completed = excluded.completed, skipped = excluded.skipped, value = excluded.value, note = excluded.note,
    mood = excluded.mood, feeling = excluded.feeling, duration_seconds = excluded.duration_seconds,
    completed_at = case
        when excluded.completed_at = excluded.created_at and habit_entries.completed and excluded.completed
            then habit_entries.completed_at
        else excluded.completed_at
    end
returning habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, created_at,
    updated_at, version;

-- name: patch_entry(user_id, habit_id, date, versions, changes)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Where completed is absent and value or
-- skipped becomes another, a numeric habit's entry is judged anew, as by put_entry(). completed_at goes with completed, unless
-- it is sent. Null versions: any. No row: none of this user's on that day, or not at one of them.
update habit_entries e
set (completed, skipped, value, note, mood, feeling, duration_seconds, completed_at) = (
    select j.completed, p.skipped, p.value, p.note, p.mood, p.feeling, p.duration_seconds,
        case
            when :changes::jsonb -> 'completed_at' is not null or j.completed and e.completed then p.completed_at
            when j.completed then now()
        end
    from jsonb_populate_record(e, :changes::jsonb) p
    cross join lateral (
        select case
            when :changes::jsonb -> 'completed' is not null or h.kind <> 'numeric'
                or (p.value, p.skipped) is not distinct from (e.value, e.skipped)
                then p.completed
            else reaches_target(p.value, p.skipped, h.target_value)
        end as completed) j)
from habits h
where e.user_id = :user_id
  and e.habit_id = :habit_id
  and e.date = :date
  and h.user_id = :user_id
  and h.id = e.habit_id
  and (:versions::int8multirange is null or e.version <@ :versions)
returning e.habit_id, e.date, e.completed, e.skipped, e.value, e.note, e.mood, e.feeling, e.duration_seconds, e.completed_at,
    e.created_at, e.updated_at, e.version;

-- name: get_entry(user_id, habit_id, date)^
select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, created_at, updated_at,
    version
from habit_entries
where user_id = :user_id and habit_id = :habit_id and date = :date;

-- name: get_entry_many(user_id, habit_id, date)
-- get_entry() for several calls at once; place says which of them a row is for.
select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, created_at, updated_at,
    version, place
from unnest(:user_id::uuid[], :habit_id::uuid[], :date::date[]) with ordinality as sent (user_id, habit_id, date, place)
join habit_entries using (user_id, habit_id, date);

-- name: page_entries_newest(user_id, habit_id, from_date, to_date, limit, bytes)
-- By date, newest first. A habit has one entry a day, so the cursor only shortens the range.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(entry)::text as json
    from (
        select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds,
            rfc3339(completed_at) as completed_at, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
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
        select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds,
            rfc3339(completed_at) as completed_at, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
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

-- name: create_comment(user_id, id, habit_id, date, new)^
-- new is the comment as JSON. No row: the chosen id is taken by this user's own comment. A habit that does not exist, or is
-- another user's, breaks habit_comments_habit_exists.
insert into habit_comments (user_id, id, habit_id, date, text)
select :user_id, :id, :habit_id, :date, p.text
from jsonb_populate_record(null::habit_comments, :new::jsonb) p
on conflict (user_id, id) do nothing
returning id, habit_id, date, text, created_at, updated_at, version;

-- name: get_comment(user_id, habit_id, date, id)^
select id, habit_id, date, text, created_at, updated_at, version
from habit_comments
where user_id = :user_id and habit_id = :habit_id and date = :date and id = :id;

-- name: get_comment_many(user_id, habit_id, date, id)
-- get_comment() for several calls at once; place says which of them a row is for.
select id, habit_id, date, text, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :habit_id::uuid[], :date::date[], :id::uuid[])
    with ordinality as sent (user_id, habit_id, date, id, place)
join habit_comments using (user_id, habit_id, date, id);

-- name: page_comments_newest(user_id, habit_id, date, after, limit, bytes)
-- The comments on a day of a habit, newest first, each as JSON; the cursor is as in tasks.page_newest.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(comment)::text as json
    from (
        select id, habit_id, date, text, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from habit_comments
        where user_id = :user_id
          and habit_id = :habit_id
          and date = :date
          and id < :after
        order by id desc
        limit :limit) comment
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

-- name: page_comments_oldest(user_id, habit_id, date, after, limit, bytes)
-- Oldest first.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(comment)::text as json
    from (
        select id, habit_id, date, text, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from habit_comments
        where user_id = :user_id
          and habit_id = :habit_id
          and date = :date
          and id > :after
        order by id
        limit :limit) comment
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

-- name: delete_comment(user_id, habit_id, date, id, versions)!
-- Null versions: any.
delete from habit_comments
where user_id = :user_id
  and habit_id = :habit_id
  and date = :date
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: stats(user_id, id)^
-- The rules are in the docstring of repository.stats, how they are counted is in habit_stats(), which takes days as numbers:
-- 1900-01-01 is day 0. No row: no such habit.
with found_habit as (
    select h.frequency, h.target_days, h.weekdays, h.interval_days,
        (now() at time zone u.timezone)::date as today,
        (now() at time zone u.timezone)::date - '1900-01-01'::date as day,
        least((h.created_at at time zone u.timezone)::date, (
            select min(date) from habit_entries where user_id = :user_id and habit_id = :id)) - '1900-01-01'::date as began
    from habits h
    join users u on u.id = h.user_id
    where h.user_id = :user_id and h.id = :id),
read_days as materialized (
    select coalesce(array_agg(day) filter (where completed), '{}') as completed,
        coalesce(array_agg(day) filter (where skipped), '{}') as skipped
    from (
        select date - '1900-01-01'::date as day, completed, skipped
        from habit_entries
        where user_id = :user_id and habit_id = :id and date <= (select today from found_habit) and (completed or skipped)
        order by date) e)
select row_to_json(stats)::text as json
from (
    select counted.current_streak, counted.longest_streak, counted.completion_rate, counted.total_completed, counted.by_week,
        counted.by_month, counted.best_weekday
    from found_habit h
    cross join read_days d
    cross join lateral habit_stats(
        h.frequency, h.target_days, h.weekdays, h.interval_days, h.day, h.began, d.completed, d.skipped) counted) stats;

-- name: today(user_id, bytes)^
-- The habits that are due, in the user's order, until they are 1,000 or reach as many bytes (docs/decisions/0031), and how many
-- more there are; the rules are in the docstring of repository.today. Completing a habit today does not remove it from the list
-- of today: only the days before today are counted. The limit inside the lateral makes the planner look up the entry of one
-- habit: without statistics, it reads those of all habits for every one.
with asked_day as (
    select today, timezone, today + 1 - extract(isodow from today)::integer as monday,
        date_trunc('month', today::timestamp) as month
    from (select (now() at time zone timezone)::date as today, timezone from users where id = :user_id) now_there),
due_habit as (
    select h.id, h.position, w.completed_this_week, w.completed_this_period
    from habits h
    cross join lateral (
        select case
            when h.frequency in ('daily', 'weekdays') then (select today from asked_day)
            when h.frequency = 'monthly' then (select month::date from asked_day)
            when h.frequency = 'interval' then (select today from asked_day) + 1 - h.interval_days
            else (select monday from asked_day)
        end as since) p
    cross join lateral (
        select count(*) filter (where date >= p.since and date < (select today from asked_day)) as earlier,
            count(*) filter (where date >= p.since) as completed_this_period,
            count(*) filter (where date >= (select monday from asked_day)) as completed_this_week
        from habit_entries
        where user_id = :user_id
          and habit_id = h.id
          and date between least(p.since, (select monday from asked_day)) and (select today from asked_day)
          and completed) w
    where h.user_id = :user_id
      and not h.is_archived
      and case h.frequency
          when 'daily' then true
          when 'weekdays' then extract(isodow from (select today from asked_day))::integer = any(h.weekdays)
          when 'monthly' then w.earlier < least(
              h.target_days, (select extract(day from month + interval '1 month - 1 day') from asked_day))
          when 'interval' then coalesce((
              select (select today from asked_day) - last_one.date - (
                  select count(*)
                  from habit_entries s
                  where s.user_id = :user_id and s.habit_id = h.id and s.skipped
                    and s.date > last_one.date and s.date < (select today from asked_day))
              from (
                  select c.date
                  from habit_entries c
                  where c.user_id = :user_id and c.habit_id = h.id and c.completed and c.date < (select today from asked_day)
                  order by c.date desc
                  limit 1) last_one) >= h.interval_days, true)
          else w.earlier < h.target_days
      end),
listed_habit as (
    select row_to_json(habit) as json
    from (
        select id, position, completed_this_week, completed_this_period from due_habit order by position, id limit 1000) due
    cross join lateral (
        select h.id, h.name, h.description, h.kind, h.unit, h.target_value, h.frequency, h.target_days, h.weekdays,
            h.interval_days, h.nature, h.reward, h.duration_seconds, h.related_habit_id, h.category, h.color, h.icon,
            rfc3339(h.reminder_time) as reminder_time, h.is_archived, h.position, rfc3339(h.created_at) as created_at,
            rfc3339(h.updated_at) as updated_at, h.version, e.entry,
            coalesce((e.entry ->> 'completed')::boolean, false) as is_done,
            due.completed_this_week, due.completed_this_period,
            case when not coalesce((e.entry ->> 'completed')::boolean or (e.entry ->> 'skipped')::boolean, false)
                then rfc3339(
                    ((select today from asked_day) + h.reminder_time) at time zone (select timezone from asked_day))
            end as remind_at
        from habits h
        left join lateral (
            select row_to_json(x) as entry
            from (
                select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds,
                    rfc3339(completed_at) as completed_at, rfc3339(created_at) as created_at,
                    rfc3339(updated_at) as updated_at, version
                from habit_entries
                where user_id = :user_id and habit_id = h.id and date = (select today from asked_day)) x) e on true
        where h.user_id = :user_id and h.id = due.id
        limit 1) habit
    order by due.position, due.id
    offset 0),
measured_habit as (
    select json, sum(octet_length(json::text)) over (rows unbounded preceding) - octet_length(json::text) as bytes_before
    from listed_habit),
counted_habit as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured_habit),
shown_habit as (select json from counted_habit where ended < 1)
select row_to_json(due)::text as json
from (
    select d.today as date,
        (select coalesce(json_agg(json), '[]') from shown_habit) as items,
        (select count(*) from due_habit) - (select count(*) from shown_habit) as items_left_out
    from asked_day d) due;

-- name: overview(user_id, is_archived, from_date, to_date, bytes)
-- The archived habits, or the others, with their stats and their entries of a range; without dates, of the 30 days that end
-- today in the user's time zone. The rules are in the docstring of repository.overview, those of the stats in that of
-- repository.stats. Three kinds of rows: the totals, first, without an id; the habits by position, with id and JSON; their
-- entries, the newest of each first, as columns: JSON of 9,000 entries would cost more than all the rest.
-- The stats are those of habit_stats(), over arrays of one habit at a time.
-- Habits end at 1,000, and with the one that reaches so many bytes: first by the lengths of what is stored, an entry without
-- its note counted as 400, so that no more is read; then by their JSON (docs/decisions/0031).
with asked_days as (
    select d.today, d.today - '1900-01-01'::date as day, d.timezone, d.first_day, d.last_day,
        d.first_day - '1900-01-01'::date as since, d.last_day - '1900-01-01'::date as until
    from (
        select now_there.today, now_there.timezone, coalesce(:from_date::date, now_there.today - 29) as first_day,
            coalesce(:to_date::date, now_there.today) as last_day
        from (
            select (now() at time zone timezone)::date as today, timezone from users where id = :user_id) now_there) d),
-- Days as in stats(); those after today count for the range alone.
read_habit as materialized (
    select h.id, h.position, h.category, h.frequency, h.target_days, h.weekdays, h.interval_days, a.day,
        least((h.created_at at time zone a.timezone)::date, e.first_date) - '1900-01-01'::date as began,
        e.completed[width_bucket(a.since - 1, e.completed) + 1 : width_bucket(a.until, e.completed)] as done_in_range,
        coalesce(e.completed[1 : width_bucket(a.day, e.completed)], '{}') as completed,
        coalesce(e.skipped[1 : width_bucket(a.day, e.skipped)], '{}') as skipped,
        octet_length(h.name) + coalesce(octet_length(h.description), 0) + e.bytes as bytes
    from asked_days a
    cross join habits h
    cross join lateral (
        select min(date) as first_date,
            coalesce(array_agg(date - '1900-01-01'::date) filter (where completed), '{}') as completed,
            coalesce(array_agg(date - '1900-01-01'::date) filter (where skipped), '{}') as skipped,
            coalesce(sum(400 + coalesce(octet_length(note), 0)) filter (where date between a.first_day and a.last_day), 0)
                as bytes
        from (
            select date, completed, skipped, note
            from habit_entries
            where user_id = :user_id and habit_id = h.id
            order by date) dated_entry) e
    where h.user_id = :user_id and h.is_archived = :is_archived),
placed_habit as (
    select id, frequency, target_days, weekdays, interval_days, day, began, completed, skipped,
        row_number() over in_order as place, (sum(bytes) over in_order - bytes)::bigint as bytes_before
    from read_habit
    window in_order as (order by position, id rows unbounded preceding)),
sized_habit as materialized (
    select id, place, frequency, target_days, weekdays, interval_days, day, began, completed, skipped
    from placed_habit
    where place <= 1000 and bytes_before < :bytes
    order by place),
listed_habit as (
    select r.id, r.place, row_to_json(habit)::text as json
    from sized_habit r
    cross join lateral (
        select h.id, h.name, h.description, h.kind, h.unit, h.target_value, h.frequency, h.target_days, h.weekdays,
            h.interval_days, h.nature, h.reward, h.duration_seconds, h.related_habit_id, h.category, h.color, h.icon,
            rfc3339(h.reminder_time) as reminder_time, h.is_archived, h.position, rfc3339(h.created_at) as created_at,
            rfc3339(h.updated_at) as updated_at, h.version, row_to_json(counted) as stats
        from habits h
        cross join lateral habit_stats(
            r.frequency, r.target_days, r.weekdays, r.interval_days, r.day, r.began, r.completed, r.skipped) counted
        where h.user_id = :user_id and h.id = r.id
        limit 1) habit
    order by r.place
    offset 0),
measured_habit as (
    select id, place, json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed_habit),
counted_habit as (
    select id, place, json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured_habit)
select null::uuid as id, row_to_json(totals)::text as json, null::uuid as habit_id, null::date as date,
    null::boolean as completed, null::boolean as skipped, null::numeric as value, null::text as note, null::integer as mood,
    null::text as feeling, null::numeric as duration_seconds, null::timestamptz as completed_at,
    null::timestamptz as created_at, null::timestamptz as updated_at, null::bigint as version
from (
    select a.first_day as "from", a.last_day as "to",
        (select count(*) from read_habit) as items,
        (select coalesce(json_agg(row_to_json(x) order by x.date), '[]')
            from (
                select '1900-01-01'::date + day as date, count(*) as completed
                from (select unnest(done_in_range) as day from read_habit) done_day
                group by day) x) as by_day,
        (select coalesce(json_agg(row_to_json(x) order by x.category), '[]')
            from (
                select category, count(*) as habits, sum(cardinality(done_in_range)) as completed
                from read_habit
                group by category
                order by category
                limit 1000) x) as by_category
    from asked_days a) totals
union all
(select id, json, null, null, null, null, null, null, null, null, null, null, null, null, null
from counted_habit
where ended < 1
order by place)
union all
select null, null, e.habit_id, e.date, e.completed, e.skipped, e.value, e.note, e.mood, e.feeling, e.duration_seconds,
    e.completed_at, e.created_at, e.updated_at, e.version
from sized_habit s
cross join lateral (
    select habit_id, date, completed, skipped, value, note, mood, feeling, duration_seconds, completed_at, created_at,
        updated_at, version
    from habit_entries
    where user_id = :user_id
      and habit_id = s.id
      and date between (select first_day from asked_days) and (select last_day from asked_days)
    order by date desc
    limit 366) e;
