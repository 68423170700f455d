-- name: create(user_id, id, name, slug, category, color, description)^
-- No row: the chosen id is taken by this user's own tag; send get() as a second statement. A taken slug is tags_slug_unique.
insert into tags (user_id, id, name, slug, category, color, description)
values (:user_id, :id, :name, :slug, :category, :color, :description)
on conflict (user_id, id) do nothing
returning id, name, slug, category, color, description, 0::bigint as usage_count, created_at, updated_at, version;

-- name: get(user_id, id)^
select id, name, slug, category, color, description,
    (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
    created_at, updated_at, version
from tags t
where t.user_id = :user_id and t.id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, name, slug, category, color, description,
    (select count(*) from taggings g where g.user_id = sent.user_id and g.tag_id = sent.id) as usage_count,
    created_at, updated_at, version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join tags using (user_id, id);

-- name: page_newest(user_id, taggable_type, taggable_id, after, limit)
-- Newest first, each row as JSON. A null taggable_id means tags of all rows and of none. Counts are read for the rows of the
-- page only, each out of the primary key of taggings.
select row_to_json(tag)::text as json
from (
    select id, name, slug, category, color, description,
        (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
        rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
    from tags t
    where t.user_id = :user_id
      and t.id < :after
      and (:taggable_id::uuid is null or t.id in (
          select g.tag_id from taggings g
          where g.user_id = :user_id
            and g.taggable_id = :taggable_id
            and g.taggable_type = :taggable_type))
    order by id desc
    limit :limit) tag;

-- name: page_oldest(user_id, taggable_type, taggable_id, after, limit)
-- Oldest first; the first page passes the lowest id of all.
select row_to_json(tag)::text as json
from (
    select id, name, slug, category, color, description,
        (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
        rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
    from tags t
    where t.user_id = :user_id
      and t.id > :after
      and (:taggable_id::uuid is null or t.id in (
          select g.tag_id from taggings g
          where g.user_id = :user_id
            and g.taggable_id = :taggable_id
            and g.taggable_type = :taggable_type))
    order by id
    limit :limit) tag;

-- name: patch(user_id, id, versions, changes, slug)^
-- changes is the JSON of a merge patch, slug that of a new name; null: the name stays. Null versions: any.
-- No row: not this user's, or not at one of them.
update tags t
set (name, slug, category, color, description) = (
    select p.name, coalesce(:slug, t.slug), p.category, p.color, p.description
    from jsonb_populate_record(t, :changes::jsonb) p)
where t.user_id = :user_id
  and t.id = :id
  and (:versions::int8multirange is null or t.version <@ :versions)
returning t.id, t.name, t.slug, t.category, t.color, t.description,
    (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
    t.created_at, t.updated_at, t.version;

-- name: delete(user_id, id, versions)!
-- Null versions: any.
delete from tags
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: put_tagging(user_id, tag_id, taggable_type, taggable_id)!
-- A foreign key of its type says whether this user has such a row: taggings_task_exists and its like, taggings_tag_exists.
-- 0: the row carries the tag already.
insert into taggings (user_id, tag_id, taggable_type, taggable_id)
values (:user_id, :tag_id, :taggable_type, :taggable_id)
on conflict (user_id, taggable_id, taggable_type, tag_id) do nothing;

-- name: delete_tagging(user_id, tag_id, taggable_type, taggable_id)!
delete from taggings
where user_id = :user_id
  and tag_id = :tag_id
  and taggable_id = :taggable_id
  and taggable_type = :taggable_type;

-- name: page_taggings(user_id, tag_id, taggable_type, after, limit)
-- Which rows carry a tag, newest first, each as JSON. A null taggable_type means rows of every kind.
select row_to_json(tagging)::text as json
from (
    select id, taggable_type, taggable_id, rfc3339(created_at) as created_at
    from taggings
    where user_id = :user_id
      and tag_id = :tag_id
      and id < :after
      and (:taggable_type::text is null or taggable_type = :taggable_type)
    order by id desc
    limit :limit) tagging;
