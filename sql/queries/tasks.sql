-- name: create(user_id, id, title, description, completed, due_date, priority)^
-- No row: the chosen id is taken by this user's own task; send get() as a second statement. Merged into one, a create that
-- collides with a concurrent duplicate would see neither row.
insert into tasks (user_id, id, title, description, completed, completed_at, due_date, priority)
values (:user_id, :id, :title, :description, :completed, case when :completed then now() end, :due_date, :priority)
on conflict (user_id, id) do nothing
returning id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version;

-- name: create_many(user_id, id, title, description, completed, due_date, priority)
-- create() for several calls at once; place says which of them a row is for. No two ids are equal: none was chosen by
-- a client, but in a batch, which puts no two of one id together (app/batch/rules.py).
insert into tasks (user_id, id, title, description, completed, completed_at, due_date, priority)
select user_id, id, title, description, completed, case when completed then now() end, due_date, priority
from unnest(
    :user_id::uuid[], :id::uuid[], :title::text[], :description::text[], :completed::boolean[], :due_date::date[],
    :priority::integer[]) as sent (user_id, id, title, description, completed, due_date, priority)
order by user_id, id
on conflict (user_id, id) do nothing
returning id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version,
    array_position(:id::uuid[], id) as place;

-- name: get(user_id, id)^
select id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version
from tasks
where user_id = :user_id and id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version,
    place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join tasks using (user_id, id);

-- name: owner(user_id, id)$
-- tenant: none, it distinguishes another user's task (403) from one that does not exist (404), and returns only the owner's id
-- This user's own task first: two users may have chosen the same id.
select user_id from tasks where id = :id order by user_id = :user_id desc limit 1;

-- name: page_newest(user_id, completed, due_from, due_to, priority, ids, since, tags, with_tags, after, limit)
-- Newest first, each row as JSON. A null filter means "do not filter". after is the last id of the previous page; the first
-- page passes the highest id of all, so that the cursor is an index condition in every plan. walked_rows() are looked at; where
-- the filters want fewer of these than a page has, the key of the last one follows (docs/decisions/0042): so what comes after
-- "union all" repeats the where and the order by of the innermost select, in every such page.
-- bytes: exempt, without tags 200 tasks have 0.97 MiB at most, and a task has few tags
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(task), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'tasks', task.id) t))
        else row_to_json(task)::text end as json
    from (
        select id, user_id, title, description, completed, rfc3339(completed_at) as completed_at, due_date, priority,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version
            from tasks
            where user_id = :user_id
              and id < :after
            order by id desc
            limit walked_rows()) tasks
        where (:completed::boolean is null or completed = :completed)
          and (:due_from::date is null or due_date >= :due_from)
          and (:due_to::date is null or due_date <= :due_to)
          and (:priority::integer is null or priority = :priority)
          and (:ids::uuid[] is null or tasks.id = any(:ids))
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or tasks.id in (select t.id from tagged(:user_id, 'tasks', :tags) t))
        order by id desc
        limit :limit) task)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from tasks
        where user_id = :user_id
          and id < :after
        order by id desc
        offset walked_rows() - 1 limit 1) last)
    limit :limit)
select json from listed;

-- name: page_oldest(user_id, completed, due_from, due_to, priority, ids, since, tags, with_tags, after, limit)
-- Oldest first; the first page passes the lowest id of all.
-- bytes: exempt, without tags 200 tasks have 0.97 MiB at most, and a task has few tags
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(task), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'tasks', task.id) t))
        else row_to_json(task)::text end as json
    from (
        select id, user_id, title, description, completed, rfc3339(completed_at) as completed_at, due_date, priority,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at, version
            from tasks
            where user_id = :user_id
              and id > :after
            order by id
            limit walked_rows()) tasks
        where (:completed::boolean is null or completed = :completed)
          and (:due_from::date is null or due_date >= :due_from)
          and (:due_to::date is null or due_date <= :due_to)
          and (:priority::integer is null or priority = :priority)
          and (:ids::uuid[] is null or tasks.id = any(:ids))
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or tasks.id in (select t.id from tagged(:user_id, 'tasks', :tags) t))
        order by id
        limit :limit) task)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from tasks
        where user_id = :user_id
          and id > :after
        order by id
        offset walked_rows() - 1 limit 1) last)
    limit :limit)
select json from listed;

-- name: page_due(user_id, due_to, priority, ids, since, tags, with_tags, after_date, after_id, limit)
-- Open tasks by due date, earliest first, those without one last: as if they were due at infinity, which a null after_date
-- and a null due_to stand for. after_date and after_id are those of the last row of the previous page; the first page passes
-- the first day of the range and the lowest id of all.
-- bytes: exempt, without tags 200 tasks have 0.97 MiB at most, and a task has few tags
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(task), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'tasks', task.id) t))
        else row_to_json(task)::text end as json
    from (
        select id, user_id, title, description, completed, rfc3339(completed_at) as completed_at, due_date, priority,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, user_id, title, description, completed, completed_at, due_date, priority, created_at, updated_at,
                version, coalesce(due_date, 'infinity') as due
            from tasks
            where user_id = :user_id
              and not completed
              and coalesce(due_date, 'infinity') <= coalesce(:due_to::date, 'infinity')
              and (coalesce(due_date, 'infinity'), id) > (coalesce(:after_date::date, 'infinity'), :after_id)
            order by coalesce(due_date, 'infinity'), id
            limit walked_rows()) tasks
        where (:priority::integer is null or priority = :priority)
          and (:ids::uuid[] is null or tasks.id = any(:ids))
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or tasks.id in (select t.id from tagged(:user_id, 'tasks', :tags) t))
        order by due, id
        limit :limit) task)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, due_date, id
        from tasks
        where user_id = :user_id
          and not completed
          and coalesce(due_date, 'infinity') <= coalesce(:due_to::date, 'infinity')
          and (coalesce(due_date, 'infinity'), id) > (coalesce(:after_date::date, 'infinity'), :after_id)
        order by coalesce(due_date, 'infinity'), id
        offset walked_rows() - 1 limit 1) last)
    limit :limit)
select json from listed;

-- name: imported(user_id, source_id)
-- The tasks that had this id in the app that they came from.
select id from imported_tasks(:user_id, :source_id);

-- name: total(user_id, completed, due_from, due_to, priority, ids, since, tags)^
-- How many tasks pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, completed, due_date, priority, version
        from tasks
        where user_id = :user_id
        order by id
        limit counted_rows()) tasks
    where (:completed::boolean is null or completed = :completed)
      and (:due_from::date is null or due_date >= :due_from)
      and (:due_to::date is null or due_date <= :due_to)
      and (:priority::integer is null or priority = :priority)
      and (:ids::uuid[] is null or tasks.id = any(:ids))
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or tasks.id in (select t.id from tagged(:user_id, 'tasks', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from tasks
        where user_id = :user_id
        order by id
        offset counted_rows()) as total_is_exact
from found;

-- name: patch(user_id, id, versions, changes)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. versions are those
-- that the row may have; null: any. No row: not this user's, or not at one of them.
update tasks t
set (title, description, completed, completed_at, due_date, priority) = (
    select p.title, p.description, p.completed, case when p.completed then coalesce(t.completed_at, now()) end, p.due_date,
        p.priority
    from jsonb_populate_record(t, :changes::jsonb) p)
where t.user_id = :user_id
  and t.id = :id
  and (:versions::int8multirange is null or t.version <@ :versions)
returning t.id, t.user_id, t.title, t.description, t.completed, t.completed_at, t.due_date, t.priority, t.created_at,
    t.updated_at, t.version;

-- name: patch_many(user_id, id, changes)
-- patch() of any version for several calls at once; place says which of them a row is for. A row that another transaction has
-- locked is left out, and is patched by patch(): so a batch waits for no lock, neither that of a slow transaction, nor, where
-- it crosses the batch of another worker, in a deadlock. Of several calls for one row an update makes one; the others are
-- left out.
with locked_task as (
    select t.user_id, t.id, sent.changes, sent.place
    from unnest(:user_id::uuid[], :id::uuid[], :changes::text[]) with ordinality as sent (user_id, id, changes, place)
    join tasks t on t.user_id = sent.user_id and t.id = sent.id
    for no key update of t skip locked)
update tasks t
set (title, description, completed, completed_at, due_date, priority) = (
    select p.title, p.description, p.completed, case when p.completed then coalesce(t.completed_at, now()) end, p.due_date,
        p.priority
    from jsonb_populate_record(t, l.changes::jsonb) p)
from locked_task l
where t.user_id = l.user_id and t.id = l.id
returning t.id, t.user_id, t.title, t.description, t.completed, t.completed_at, t.due_date, t.priority, t.created_at,
    t.updated_at, t.version, l.place;

-- name: delete(user_id, id, versions)!
-- Null versions: any.
delete from tasks
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);
