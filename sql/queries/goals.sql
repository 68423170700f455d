-- name: create(user_id, id, new)^
-- new is the goal as JSON. No row: the chosen id is taken by this user's own goal; send get() as a second statement.
-- A parent that does not exist, or is another user's, breaks goals_parent_exists. A new goal cannot close a circle: it has no
-- sub-goals yet.
insert into goals (
    user_id, id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date, status,
    priority, is_recurring, recurrence_pattern, parent_id, completed_at)
select :user_id, :id, p.title, p.description, p.goal_type, p.category, p.start_value, p.target_value, p.target_unit,
    p.start_date, p.end_date, p.status, p.priority, p.is_recurring, p.recurrence_pattern, p.parent_id,
    case when p.status = 'completed' then now() end
from jsonb_populate_record(null::goals, :new::jsonb) p
on conflict (user_id, id) do nothing
returning id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date, status,
    priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, null::numeric as current_value,
    goal_percentage(status, start_value, target_value, null) as percentage, created_at, updated_at, version;

-- name: get(user_id, id)^
select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date, status,
    priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, current_value,
    goal_percentage(status, start_value, target_value, current_value) as percentage, created_at, updated_at, version
from goals
left join lateral (
    select value as current_value from goal_progress
    where user_id = :user_id and goal_id = goals.id
    order by date desc, id desc
    limit 1) progress on true
where goals.user_id = :user_id and id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date, status,
    priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, current_value,
    goal_percentage(status, start_value, target_value, current_value) as percentage, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join goals using (user_id, id)
left join lateral (
    select value as current_value from goal_progress
    where user_id = sent.user_id and goal_id = goals.id
    order by date desc, id desc
    limit 1) progress on true;

-- name: page_newest(user_id, words, priority, days, parent_id, since, tags, with_tags, after, limit, bytes)
-- Newest first, each row as JSON, its current value from the end of an index. A null filter means "do not filter". words
-- are a status, a goal_type and a category, days the first and the last day of a range; each of them may be null. A goal is in
-- a range that shares a day with it. One without any date is in none, one with a single date is open at its other end.
-- The values are joined after the limit: before it, they would be looked up for every goal that passes the filters.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(goal), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'goals', goal.id) t))
        else row_to_json(goal)::text end as json
    from (
        select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
            status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, rfc3339(completed_at) as completed_at,
            current_value, goal_percentage(status, start_value, target_value, current_value) as percentage,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
                status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, created_at,
                updated_at, version
            from (
                select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date,
                    end_date, status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at,
                    created_at, updated_at, version
                from goals
                where user_id = :user_id
                  and id < :after
                order by id desc
                limit walked_rows()) goals
            where ((:words::text[])[1] is null or status = (:words::text[])[1])
              and ((:words::text[])[2] is null or goal_type = (:words::text[])[2])
              and ((:words::text[])[3] is null or category = (:words::text[])[3])
              and (:priority::integer is null or priority = :priority)
              and ((:days::date[])[1] is null or end_date >= (:days::date[])[1]
                  or end_date is null and start_date is not null)
              and ((:days::date[])[2] is null or start_date <= (:days::date[])[2]
                  or start_date is null and end_date is not null)
              and (:parent_id::uuid is null or parent_id = :parent_id)
              and (:since::bigint is null or version > :since)
              and (:tags::text[] is null or goals.id in (select t.id from tagged(:user_id, 'goals', :tags) t))
            order by id desc
            limit :limit) listed
        left join lateral (
            select value as current_value from goal_progress
            where user_id = :user_id and goal_id = listed.id
            order by date desc, id desc
            limit 1) progress on true
        order by id desc) goal)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from goals
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

-- name: page_oldest(user_id, words, priority, days, parent_id, since, tags, with_tags, after, limit, bytes)
-- Oldest first; the first page passes the lowest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(goal), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'goals', goal.id) t))
        else row_to_json(goal)::text end as json
    from (
        select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
            status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, rfc3339(completed_at) as completed_at,
            current_value, goal_percentage(status, start_value, target_value, current_value) as percentage,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
                status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, created_at,
                updated_at, version
            from (
                select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date,
                    end_date, status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at,
                    created_at, updated_at, version
                from goals
                where user_id = :user_id
                  and id > :after
                order by id
                limit walked_rows()) goals
            where ((:words::text[])[1] is null or status = (:words::text[])[1])
              and ((:words::text[])[2] is null or goal_type = (:words::text[])[2])
              and ((:words::text[])[3] is null or category = (:words::text[])[3])
              and (:priority::integer is null or priority = :priority)
              and ((:days::date[])[1] is null or end_date >= (:days::date[])[1]
                  or end_date is null and start_date is not null)
              and ((:days::date[])[2] is null or start_date <= (:days::date[])[2]
                  or start_date is null and end_date is not null)
              and (:parent_id::uuid is null or parent_id = :parent_id)
              and (:since::bigint is null or version > :since)
              and (:tags::text[] is null or goals.id in (select t.id from tagged(:user_id, 'goals', :tags) t))
            order by id
            limit :limit) listed
        left join lateral (
            select value as current_value from goal_progress
            where user_id = :user_id and goal_id = listed.id
            order by date desc, id desc
            limit 1) progress on true
        order by id) goal)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from goals
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

-- name: page_priority(user_id, words, priority, days, parent_id, since, tags, with_tags, after_rank, after_id, limit, bytes)
-- Highest priority first, and of one priority the newest; the first page passes the highest number and the highest id of all.
-- priority >= 0 holds of every goal: it names the index, which without it would be taken for reads by key while the table is
-- small.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(goal), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'goals', goal.id) t))
        else row_to_json(goal)::text end as json
    from (
        select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
            status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, rfc3339(completed_at) as completed_at,
            current_value, goal_percentage(status, start_value, target_value, current_value) as percentage,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
                status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, created_at,
                updated_at, version
            from (
                select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date,
                    end_date, status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at,
                    created_at, updated_at, version
                from goals
                where user_id = :user_id
                  and priority >= 0
                  and (priority, id) < (:after_rank, :after_id)
                order by priority desc, id desc
                limit walked_rows()) goals
            where ((:words::text[])[1] is null or status = (:words::text[])[1])
              and ((:words::text[])[2] is null or goal_type = (:words::text[])[2])
              and ((:words::text[])[3] is null or category = (:words::text[])[3])
              and (:priority::integer is null or priority = :priority)
              and ((:days::date[])[1] is null or end_date >= (:days::date[])[1]
                  or end_date is null and start_date is not null)
              and ((:days::date[])[2] is null or start_date <= (:days::date[])[2]
                  or start_date is null and end_date is not null)
              and (:parent_id::uuid is null or parent_id = :parent_id)
              and (:since::bigint is null or version > :since)
              and (:tags::text[] is null or goals.id in (select t.id from tagged(:user_id, 'goals', :tags) t))
            order by priority desc, id desc
            limit :limit) listed
        left join lateral (
            select value as current_value from goal_progress
            where user_id = :user_id and goal_id = listed.id
            order by date desc, id desc
            limit 1) progress on true
        order by priority desc, id desc) goal)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, priority, id
        from goals
        where user_id = :user_id
          and priority >= 0
          and (priority, id) < (:after_rank, :after_id)
        order by priority desc, id desc
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

-- name: page_end_date(user_id, words, priority, days, parent_id, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Earliest end first, goals without one last: as if they ended at infinity, which a null after_date stands for. The first page
-- passes the first day of all and the lowest id.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(goal), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'goals', goal.id) t))
        else row_to_json(goal)::text end as json
    from (
        select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
            status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, rfc3339(completed_at) as completed_at,
            current_value, goal_percentage(status, start_value, target_value, current_value) as percentage,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
                status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, created_at,
                updated_at, version, last_day
            from (
                select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date,
                    end_date, status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at,
                    created_at, updated_at, version, coalesce(end_date, 'infinity') as last_day
                from goals
                where user_id = :user_id
                  and priority >= 0
                  and (coalesce(end_date, 'infinity'), id) > (coalesce(:after_date::date, 'infinity'), :after_id)
                order by coalesce(end_date, 'infinity'), id
                limit walked_rows()) goals
            where ((:words::text[])[1] is null or status = (:words::text[])[1])
              and ((:words::text[])[2] is null or goal_type = (:words::text[])[2])
              and ((:words::text[])[3] is null or category = (:words::text[])[3])
              and (:priority::integer is null or priority = :priority)
              and ((:days::date[])[1] is null or end_date >= (:days::date[])[1]
                  or end_date is null and start_date is not null)
              and ((:days::date[])[2] is null or start_date <= (:days::date[])[2]
                  or start_date is null and end_date is not null)
              and (:parent_id::uuid is null or parent_id = :parent_id)
              and (:since::bigint is null or version > :since)
              and (:tags::text[] is null or goals.id in (select t.id from tagged(:user_id, 'goals', :tags) t))
            order by last_day, id
            limit :limit) listed
        left join lateral (
            select value as current_value from goal_progress
            where user_id = :user_id and goal_id = listed.id
            order by date desc, id desc
            limit 1) progress on true
        order by last_day, id) goal)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, end_date, id
        from goals
        where user_id = :user_id
          and priority >= 0
          and (coalesce(end_date, 'infinity'), id) > (coalesce(:after_date::date, 'infinity'), :after_id)
        order by coalesce(end_date, 'infinity'), id
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

-- name: total(user_id, words, priority, days, parent_id, since, tags)^
-- How many goals pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, goal_type, category, start_date, end_date, status, priority, parent_id, version
        from goals
        where user_id = :user_id
        order by id
        limit counted_rows()) goals
    where ((:words::text[])[1] is null or status = (:words::text[])[1])
      and ((:words::text[])[2] is null or goal_type = (:words::text[])[2])
      and ((:words::text[])[3] is null or category = (:words::text[])[3])
      and (:priority::integer is null or priority = :priority)
      and ((:days::date[])[1] is null or end_date >= (:days::date[])[1]
          or end_date is null and start_date is not null)
      and ((:days::date[])[2] is null or start_date <= (:days::date[])[2]
          or start_date is null and end_date is not null)
      and (:parent_id::uuid is null or parent_id = :parent_id)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or goals.id in (select t.id from tagged(:user_id, 'goals', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from goals
        where user_id = :user_id
        order by id
        offset counted_rows()) as total_is_exact
from found;

-- name: tree(user_id, id, limit, bytes)
-- Up to limit goals of the tree below a goal, itself included; rules.tree makes the tree. No row: not this user's. Each has its
-- JSON, null once those of this goal and of the oldest ones are as many bytes. Their texts are never more than that JSON, and
-- their lengths are known without reading them: what cannot fit is not made. union instead of union all ends even on a circle.
-- The limits inside the laterals make the planner use one index scan per goal: without statistics, and in a plan for any
-- user, a join reads all goals of the user for every level, or for every goal.
with recursive reached_goal as (
    select g.id from goals g where g.user_id = :user_id and g.id = :id
    union
    select child.id
    from reached_goal r
    cross join lateral (
        select g.id
        from goals g
        where g.user_id = :user_id and g.parent_id = r.id
        order by g.parent_id, g.id
        limit :limit) child),
counted_goal as (select r.id from reached_goal r limit :limit),
written_goal as (
    select goal.id, goal.parent_id, goal.previous_id, goal.status, goal.percentage,
        case
            when sum(octet_length(goal.title) + coalesce(octet_length(goal.description), 0)) over first_goals <= :bytes
            then row_to_json(goal)::text
        end as json
    from (
        select g.id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
            status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, rfc3339(completed_at) as completed_at,
            current_value, goal_percentage(status, start_value, target_value, current_value) as percentage,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from counted_goal c
        cross join lateral (
            select id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
                status, priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, created_at,
                updated_at, version
            from goals
            where user_id = :user_id and id = c.id
            limit 1) g
        left join lateral (
            select value as current_value from goal_progress
            where user_id = :user_id and goal_id = g.id
            order by date desc, id desc
            limit 1) progress on true) goal
    window first_goals as (order by goal.id <> :id, goal.id rows unbounded preceding))
select w.id, w.parent_id, w.previous_id, w.status, w.percentage,
    case when sum(octet_length(w.json)) over first_goals <= :bytes then w.json end as json
from written_goal w
window first_goals as (order by w.id <> :id, w.id rows unbounded preceding)
order by w.id;

-- name: patch(user_id, id, versions, changes)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Null versions: any.
-- Where changes has a parent_id, accounts.lock() comes first: of two moves one waits. completed_at is set exactly when status
-- becomes completed, and is_completed says whether it did: locked_goal waits for who else completes the goal. No row: not this
-- user's, not at one of them, or a circle: the goal is the new parent or above it. The lateral is as in tree().
with recursive reached_ancestor as (
    select g.id, g.parent_id
    from goals g
    where g.user_id = :user_id and g.id = (:changes::jsonb ->> 'parent_id')::uuid
    union
    select parent.id, parent.parent_id
    from reached_ancestor r
    cross join lateral (
        select g.id, g.parent_id from goals g where g.user_id = :user_id and g.id = r.parent_id limit 1) parent),
locked_goal as (
    select g.user_id, g.id, g.status
    from goals g
    where g.user_id = :user_id and g.id = :id
    for no key update of g),
patched_goal as (
    update goals g
    set (title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date, status,
            priority, is_recurring, recurrence_pattern, parent_id, completed_at) = (
        select p.title, p.description, p.goal_type, p.category, p.start_value, p.target_value, p.target_unit, p.start_date,
            p.end_date, p.status, p.priority, p.is_recurring, p.recurrence_pattern, p.parent_id,
            case when p.status = 'completed' then coalesce(g.completed_at, now()) end
        from jsonb_populate_record(g, :changes::jsonb) p)
    from locked_goal l
    where g.user_id = :user_id
      and g.id = :id
      and l.user_id = g.user_id
      and l.id = g.id
      and (:versions::int8multirange is null or g.version <@ :versions)
      and not exists (select 1 from reached_ancestor r where r.id = :id)
    returning g.id, g.title, g.description, g.goal_type, g.category, g.start_value, g.target_value, g.target_unit,
        g.start_date, g.end_date, g.status, g.priority, g.is_recurring, g.recurrence_pattern, g.parent_id, g.previous_id,
        g.completed_at, g.created_at, g.updated_at, g.version,
        g.status = 'completed' and l.status <> 'completed' as is_completed)
select p.id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date, status,
    priority, is_recurring, recurrence_pattern, parent_id, previous_id, completed_at, current_value,
    goal_percentage(status, start_value, target_value, current_value) as percentage, created_at, updated_at, version,
    is_completed
from patched_goal p
left join lateral (
    select value as current_value from goal_progress
    where user_id = :user_id and goal_id = p.id
    order by date desc, id desc
    limit 1) progress on true;

-- name: today(user_id)$
-- The date in the user's time zone.
select (now() at time zone timezone)::date from users where id = :user_id;

-- name: recur(user_id, id, start_date, end_date, pattern)!
-- Makes the next occurrence of a goal that patch() has completed. It gets the goal's fields and tags, and begins active,
-- without progress and sub-goals. There is at most one: goals_previous_id_unique. The count is that of the tags.
with inserted_goal as (
    insert into goals (
        user_id, title, description, goal_type, category, start_value, target_value, target_unit, start_date, end_date,
        priority, is_recurring, recurrence_pattern, parent_id, previous_id)
    select g.user_id, g.title, g.description, g.goal_type, g.category, g.start_value, g.target_value, g.target_unit,
        :start_date::date, :end_date::date, g.priority, true, :pattern::text, g.parent_id, g.id
    from goals g
    where g.user_id = :user_id and g.id = :id
    on conflict (user_id, previous_id) where previous_id is not null do nothing
    returning user_id, id)
insert into taggings (user_id, tag_id, taggable_type, taggable_id)
select i.user_id, t.tag_id, t.taggable_type, i.id
from inserted_goal i
join taggings t on t.user_id = i.user_id and t.goal_id = :id
where t.user_id = :user_id;

-- name: delete(user_id, id, versions)!
-- Null versions: any. Foreign keys delete its sub-goals and progress.
delete from goals
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: create_progress(user_id, id, goal_id, new)^
-- new is the entry as JSON; without a date: today, in the user's time zone. No row: the chosen id is taken by this user's own
-- entry. A goal that does not exist, or is another user's, breaks goal_progress_goal_exists.
insert into goal_progress (user_id, id, goal_id, date, value, note)
select :user_id, :id, :goal_id, coalesce(p.date, (now() at time zone u.timezone)::date), p.value, p.note
from users u
cross join jsonb_populate_record(null::goal_progress, :new::jsonb) p
where u.id = :user_id
on conflict (user_id, id) do nothing
returning id, goal_id, date, value, note, created_at, updated_at, version;

-- name: get_progress(user_id, goal_id, id)^
select id, goal_id, date, value, note, created_at, updated_at, version
from goal_progress
where user_id = :user_id and goal_id = :goal_id and id = :id;

-- name: get_progress_many(user_id, goal_id, id)
-- get_progress() for several calls at once; place says which of them a row is for.
select id, goal_id, date, value, note, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :goal_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, goal_id, id, place)
join goal_progress using (user_id, goal_id, id);

-- name: patch_progress(user_id, goal_id, id, versions, changes)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Null versions: any.
-- No row: not this user's entry of this goal, or not at one of them.
update goal_progress e
set (date, value, note) = (
    select p.date, p.value, p.note
    from jsonb_populate_record(e, :changes::jsonb) p)
where e.user_id = :user_id
  and e.goal_id = :goal_id
  and e.id = :id
  and (:versions::int8multirange is null or e.version <@ :versions)
returning e.id, e.goal_id, e.date, e.value, e.note, e.created_at, e.updated_at, e.version;

-- name: delete_progress(user_id, goal_id, id, versions)!
-- Null versions: any.
delete from goal_progress
where user_id = :user_id
  and goal_id = :goal_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: page_progress_newest(user_id, goal_id, from_date, after_date, after_id, limit, bytes)
-- A goal's entries by date, latest first, each as JSON.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(entry)::text as json
    from (
        select id, goal_id, date, value, note, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from goal_progress
        where user_id = :user_id
          and goal_id = :goal_id
          and date >= :from_date
          and (date, id) < (:after_date, :after_id)
        order by date desc, id desc
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

-- name: page_progress_oldest(user_id, goal_id, to_date, after_date, after_id, limit, bytes)
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(entry)::text as json
    from (
        select id, goal_id, date, value, note, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from goal_progress
        where user_id = :user_id
          and goal_id = :goal_id
          and date <= :to_date
          and (date, id) > (:after_date, :after_id)
        order by date, id
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
