-- name: create(user_id, id, name, slug, category, color)^
-- No row: the chosen id is taken by this user's own tag; send get() as a second statement. A taken slug is tags_slug_unique.
insert into tags (user_id, id, name, slug, category, color)
values (:user_id, coalesce(:id::uuid, new_id()), :name, :slug, :category, :color)
on conflict (user_id, id) do nothing
returning id, name, slug, category, color, 0::bigint as usage_count, created_at, updated_at, version;

-- name: get(user_id, id)^
select id, name, slug, category, color,
    (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
    created_at, updated_at, version
from tags t
where t.user_id = :user_id and t.id = :id;

-- name: page_newest(user_id, taggable_type, taggable_id, after, limit)
-- Newest first, each row as JSON. A null taggable_id means tags of all rows and of none. Counts are read for the
-- rows of the page alone, each out of the primary key of taggings.
select row_to_json(tag)::text as json
from (
    select id, name, slug, category, color,
        (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
        rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
    from tags t
    where t.user_id = :user_id
      and t.id < :after
      and (:taggable_id::uuid is null or t.id in (
          select g.tag_id from taggings g
          where g.user_id = :user_id
            and (:taggable_type::text = 'tasks' and g.task_id = :taggable_id
                or :taggable_type = 'habits' and g.habit_id = :taggable_id
                or :taggable_type = 'goals' and g.goal_id = :taggable_id
                or :taggable_type = 'foods' and g.food_id = :taggable_id
                or :taggable_type = 'workouts' and g.workout_id = :taggable_id
                or :taggable_type = 'daily-reviews' and g.daily_review_id = :taggable_id
                or :taggable_type = 'blog-entries' and g.blog_entry_id = :taggable_id
                or :taggable_type = 'conversations' and g.conversation_id = :taggable_id)))
    order by id desc
    limit :limit) tag;

-- name: page_oldest(user_id, taggable_type, taggable_id, after, limit)
-- Oldest first; the first page passes the lowest id of all.
select row_to_json(tag)::text as json
from (
    select id, name, slug, category, color,
        (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
        rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
    from tags t
    where t.user_id = :user_id
      and t.id > :after
      and (:taggable_id::uuid is null or t.id in (
          select g.tag_id from taggings g
          where g.user_id = :user_id
            and (:taggable_type::text = 'tasks' and g.task_id = :taggable_id
                or :taggable_type = 'habits' and g.habit_id = :taggable_id
                or :taggable_type = 'goals' and g.goal_id = :taggable_id
                or :taggable_type = 'foods' and g.food_id = :taggable_id
                or :taggable_type = 'workouts' and g.workout_id = :taggable_id
                or :taggable_type = 'daily-reviews' and g.daily_review_id = :taggable_id
                or :taggable_type = 'blog-entries' and g.blog_entry_id = :taggable_id
                or :taggable_type = 'conversations' and g.conversation_id = :taggable_id)))
    order by id
    limit :limit) tag;

-- name: patch(user_id, id, version, changes, slug)^
-- changes is the JSON of a merge patch, slug that of a new name; null: the name stays. A null version skips the If-Match check.
-- No row: not this user's, or moved on.
update tags t
set (name, slug, category, color) = (
    select p.name, coalesce(:slug, t.slug), p.category, p.color
    from jsonb_populate_record(t, :changes::jsonb) p)
where t.user_id = :user_id
  and t.id = :id
  and (:version::integer is null or t.version = :version)
returning t.id, t.name, t.slug, t.category, t.color,
    (select count(*) from taggings g where g.user_id = :user_id and g.tag_id = t.id) as usage_count,
    t.created_at, t.updated_at, t.version;

-- name: delete(user_id, id, version)!
-- A null version skips the If-Match check.
delete from tags
where user_id = :user_id
  and id = :id
  and (:version::integer is null or version = :version);

-- name: put_tagging(user_id, tag_id, task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)!
-- One of the targets is given. Its foreign key says whether there is such a row of this kind and this user: taggings_task_exists
-- and its like, taggings_tag_exists. 0: the row carries the tag already.
insert into taggings (
    user_id, tag_id, task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)
values (
    :user_id, :tag_id, :task_id, :habit_id, :goal_id, :food_id, :workout_id, :daily_review_id, :blog_entry_id,
    :conversation_id)
on conflict (
    user_id, tag_id, task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)
do nothing;

-- name: delete_tagging(user_id, tag_id, task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)!
-- One of the targets is given.
delete from taggings
where user_id = :user_id
  and tag_id = :tag_id
  and (task_id = :task_id or habit_id = :habit_id or goal_id = :goal_id or food_id = :food_id or workout_id = :workout_id
      or daily_review_id = :daily_review_id or blog_entry_id = :blog_entry_id or conversation_id = :conversation_id);

-- name: page_taggings(user_id, tag_id, taggable_type, after, limit)
-- Which rows carry a tag, newest first, each as JSON. A null taggable_type means rows of every kind.
select row_to_json(tagging)::text as json
from (
    select id, taggable_type, taggable_id, rfc3339(created_at) as created_at
    from (
        select id, created_at,
            case
                when task_id is not null then 'tasks'
                when habit_id is not null then 'habits'
                when goal_id is not null then 'goals'
                when food_id is not null then 'foods'
                when workout_id is not null then 'workouts'
                when daily_review_id is not null then 'daily-reviews'
                when blog_entry_id is not null then 'blog-entries'
                else 'conversations' end as taggable_type,
            coalesce(task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)
                as taggable_id
        from taggings
        where user_id = :user_id and tag_id = :tag_id) typed
    where id < :after
      and (:taggable_type::text is null or taggable_type = :taggable_type)
    order by id desc
    limit :limit) tagging;
