-- name: users()
select * from users order by id;

-- name: goals()
-- With the newest value of their progress.
select g.*, n.value as newest_value, n.goal_id is not null as has_progress
from goals g
left join (
    select distinct on (goal_id) goal_id, value
    from goal_progress
    order by goal_id, progress_date desc, created_at desc, id desc
) n on n.goal_id = g.id
order by g.id;

-- name: goal_progress()
select p.*, g.user_id as owner from goal_progress p left join goals g on g.id = p.goal_id order by p.id;

-- name: habits()
select * from habits order by id;

-- name: habit_entries()
select e.*, h.user_id as owner from habit_entries e left join habits h on h.id = e.habit_id order by e.id;

-- name: foods()
select * from foods order by id;

-- name: workouts()
select * from workouts order by id;

-- name: workout_exercises()
-- Their positions are 1, 2, 3, whatever numbers they have, and however often one comes.
select e.*, w.user_id as owner,
    row_number() over (partition by e.workout_id order by e.order_index, e.created_at, e.id) as position
from workout_exercises e
left join workouts w on w.id = e.workout_id;

-- name: daily_reviews()
select * from daily_reviews order by id;

-- name: blog_entries()
select * from blog_entries order by id;

-- name: tags()
select t.*, exists (select from taggables g where g.tag_id = t.id) as is_used from tags t order by created_at, id;

-- name: taggables()
-- With the row that is meant.
select t.*, o.kind as target_kind, o.user_id as owner
from taggables t
left join (
    select 'goals' as kind, id, user_id from goals
    union all select 'habits', id, user_id from habits
    union all select 'foods', id, user_id from foods
    union all select 'workouts', id, user_id from workouts
    union all select 'daily-reviews', id, user_id from daily_reviews
    union all select 'blog-entries', id, user_id from blog_entries) o on o.id = t.taggable_id
order by t.id;

-- name: media()
select m.*, o.kind as target_kind, o.user_id as target_owner
from media m
left join (
    select 'goals' as kind, id, user_id from goals
    union all select 'habits', id, user_id from habits
    union all select 'foods', id, user_id from foods
    union all select 'workouts', id, user_id from workouts
    union all select 'daily-reviews', id, user_id from daily_reviews
    union all select 'blog-entries', id, user_id from blog_entries) o on o.id = m.related_to_id
order by m.id;

-- name: progress_snapshots()
select * from progress_snapshots order by id;

-- name: milestones()
select m.*, g.user_id as owner from milestones m left join goals g on g.id = m.goal_id order by m.id;

-- name: notifications()
select n.*, n.user_id as owner from notifications n order by n.id;

-- name: count_rows()$
select (select count(*) from users) + (select count(*) from goals) + (select count(*) from goal_progress)
    + (select count(*) from habits) + (select count(*) from habit_entries) + (select count(*) from foods)
    + (select count(*) from workouts) + (select count(*) from workout_exercises) + (select count(*) from daily_reviews)
    + (select count(*) from blog_entries) + (select count(*) from taggables) + (select count(*) from media)
    + (select count(*) from progress_snapshots);
