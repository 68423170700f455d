-- migrate:up

-- Two columns, in the words of the API, say what carries a tag or a file; the eight columns with the foreign keys are made of
-- them. So statements name no kind, and each pointer still has a foreign key: docs/decisions/0025.
-- The two columns are generated for a moment, so that the rows that exist get their values: an update would count as a change.
-- Made before the first release, in which no table is large: both tables are rewritten twice, and locked for as long.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-generated-expression, ban-drop-column, ban-drop-constraint
-- squawk-ignore-file adding-field-with-default, adding-foreign-key-constraint, adding-not-nullable-field
-- squawk-ignore-file require-concurrent-index-creation, disallowed-unique-constraint
alter table taggings
    add column taggable_type text generated always as (case
        when task_id is not null then 'tasks' when habit_id is not null then 'habits' when goal_id is not null then 'goals'
        when food_id is not null then 'foods' when workout_id is not null then 'workouts'
        when daily_review_id is not null then 'daily-reviews' when blog_entry_id is not null then 'blog-entries'
        when conversation_id is not null then 'conversations' end) stored,
    add column taggable_id uuid generated always as (coalesce(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)) stored;

alter table taggings
    alter column taggable_type drop expression,
    alter column taggable_id drop expression,
    alter column taggable_type set not null,
    alter column taggable_id set not null,
    drop constraint taggings_one_target,
    drop constraint taggings_once,
    drop column task_id,
    drop column habit_id,
    drop column goal_id,
    drop column food_id,
    drop column workout_id,
    drop column daily_review_id,
    drop column blog_entry_id,
    drop column conversation_id,
    add column task_id uuid generated always as (case taggable_type when 'tasks' then taggable_id end) stored,
    add column habit_id uuid generated always as (case taggable_type when 'habits' then taggable_id end) stored,
    add column goal_id uuid generated always as (case taggable_type when 'goals' then taggable_id end) stored,
    add column food_id uuid generated always as (case taggable_type when 'foods' then taggable_id end) stored,
    add column workout_id uuid generated always as (case taggable_type when 'workouts' then taggable_id end) stored,
    add column daily_review_id uuid generated always as (case taggable_type when 'daily-reviews' then taggable_id end) stored,
    add column blog_entry_id uuid generated always as (case taggable_type when 'blog-entries' then taggable_id end) stored,
    add column conversation_id uuid generated always as (case taggable_type when 'conversations' then taggable_id end) stored,
    add constraint taggings_task_exists foreign key (user_id, task_id) references tasks on delete cascade,
    add constraint taggings_habit_exists foreign key (user_id, habit_id) references habits on delete cascade,
    add constraint taggings_goal_exists foreign key (user_id, goal_id) references goals on delete cascade,
    add constraint taggings_food_exists foreign key (user_id, food_id) references foods on delete cascade,
    add constraint taggings_workout_exists foreign key (user_id, workout_id) references workouts on delete cascade,
    add constraint taggings_daily_review_exists
        foreign key (user_id, daily_review_id) references daily_reviews on delete cascade,
    add constraint taggings_blog_entry_exists foreign key (user_id, blog_entry_id) references blog_entries on delete cascade,
    add constraint taggings_conversation_exists
        foreign key (user_id, conversation_id) references conversations on delete cascade,
    -- A type without a column of its own would point anywhere: it has none that is not null.
    add constraint taggings_one_target check (num_nonnulls(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id) = 1),
    -- The arbiter of on conflict, and the way to "the tags of this row". With the type: two kinds may have rows of one id.
    add constraint taggings_once unique (user_id, taggable_id, taggable_type, tag_id);

-- For the cascades, and the lists' filter tag=.
create index taggings_task on taggings (user_id, task_id) where task_id is not null;
create index taggings_habit on taggings (user_id, habit_id) where habit_id is not null;
create index taggings_goal on taggings (user_id, goal_id) where goal_id is not null;
create index taggings_food on taggings (user_id, food_id) where food_id is not null;
create index taggings_workout on taggings (user_id, workout_id) where workout_id is not null;
create index taggings_daily_review on taggings (user_id, daily_review_id) where daily_review_id is not null;
create index taggings_blog_entry on taggings (user_id, blog_entry_id) where blog_entry_id is not null;
create index taggings_conversation on taggings (user_id, conversation_id) where conversation_id is not null;

comment on table taggings is 'Which row carries which tag.';
comment on column taggings.taggable_type is 'The kind of the row, as in the path of its list.';
comment on column taggings.taggable_id is
    'The row. The columns task_id, habit_id and so on are made of it, for the foreign keys.';

alter table media
    add column taggable_type text generated always as (case
        when task_id is not null then 'tasks' when habit_id is not null then 'habits' when goal_id is not null then 'goals'
        when food_id is not null then 'foods' when workout_id is not null then 'workouts'
        when daily_review_id is not null then 'daily-reviews' when blog_entry_id is not null then 'blog-entries'
        when conversation_id is not null then 'conversations' end) stored,
    add column taggable_id uuid generated always as (coalesce(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)) stored;

alter table media
    alter column taggable_type drop expression,
    alter column taggable_id drop expression,
    drop constraint media_one_target,
    drop column task_id,
    drop column habit_id,
    drop column goal_id,
    drop column food_id,
    drop column workout_id,
    drop column daily_review_id,
    drop column blog_entry_id,
    drop column conversation_id,
    add column task_id uuid generated always as (case taggable_type when 'tasks' then taggable_id end) stored,
    add column habit_id uuid generated always as (case taggable_type when 'habits' then taggable_id end) stored,
    add column goal_id uuid generated always as (case taggable_type when 'goals' then taggable_id end) stored,
    add column food_id uuid generated always as (case taggable_type when 'foods' then taggable_id end) stored,
    add column workout_id uuid generated always as (case taggable_type when 'workouts' then taggable_id end) stored,
    add column daily_review_id uuid generated always as (case taggable_type when 'daily-reviews' then taggable_id end) stored,
    add column blog_entry_id uuid generated always as (case taggable_type when 'blog-entries' then taggable_id end) stored,
    add column conversation_id uuid generated always as (case taggable_type when 'conversations' then taggable_id end) stored,
    add constraint media_task_exists foreign key (user_id, task_id) references tasks on delete cascade,
    add constraint media_habit_exists foreign key (user_id, habit_id) references habits on delete cascade,
    add constraint media_goal_exists foreign key (user_id, goal_id) references goals on delete cascade,
    add constraint media_food_exists foreign key (user_id, food_id) references foods on delete cascade,
    add constraint media_workout_exists foreign key (user_id, workout_id) references workouts on delete cascade,
    add constraint media_daily_review_exists foreign key (user_id, daily_review_id) references daily_reviews on delete cascade,
    add constraint media_blog_entry_exists foreign key (user_id, blog_entry_id) references blog_entries on delete cascade,
    add constraint media_conversation_exists foreign key (user_id, conversation_id) references conversations on delete cascade,
    -- Both or neither; and a type without a column of its own would point anywhere: it has none that is not null.
    add constraint media_one_target check (num_nonnulls(taggable_type, taggable_id) = 2 * num_nonnulls(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id));

-- media.page_attached
create index media_taggable on media (user_id, taggable_id, id) where taggable_id is not null;
-- For the cascades.
create index media_task on media (user_id, task_id) where task_id is not null;
create index media_habit on media (user_id, habit_id) where habit_id is not null;
create index media_goal on media (user_id, goal_id) where goal_id is not null;
create index media_food on media (user_id, food_id) where food_id is not null;
create index media_workout on media (user_id, workout_id) where workout_id is not null;
create index media_daily_review on media (user_id, daily_review_id) where daily_review_id is not null;
create index media_blog_entry on media (user_id, blog_entry_id) where blog_entry_id is not null;
create index media_conversation on media (user_id, conversation_id) where conversation_id is not null;

-- touch() must leave generated columns out of its comparison.
drop trigger media_touch on media;
create trigger media_touch before update on media for each row execute function touch(
    'task_id', 'habit_id', 'goal_id', 'food_id', 'workout_id', 'daily_review_id', 'blog_entry_id', 'conversation_id');

comment on column media.taggable_type is 'The kind of the row that it is attached to, as in the path of its list.';
comment on column media.taggable_id is
    'The row that it is attached to. The columns task_id, habit_id and so on are made of it, for the foreign keys.';

-- migrate:down
drop trigger media_touch on media;
create trigger media_touch before update on media for each row execute function touch();

alter table media
    drop constraint media_one_target,
    alter column task_id drop expression,
    alter column habit_id drop expression,
    alter column goal_id drop expression,
    alter column food_id drop expression,
    alter column workout_id drop expression,
    alter column daily_review_id drop expression,
    alter column blog_entry_id drop expression,
    alter column conversation_id drop expression;

alter table media
    drop column taggable_type,
    drop column taggable_id,
    add constraint media_one_target check (num_nonnulls(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id) <= 1);

alter table taggings
    drop constraint taggings_one_target,
    drop constraint taggings_once,
    alter column task_id drop expression,
    alter column habit_id drop expression,
    alter column goal_id drop expression,
    alter column food_id drop expression,
    alter column workout_id drop expression,
    alter column daily_review_id drop expression,
    alter column blog_entry_id drop expression,
    alter column conversation_id drop expression;

alter table taggings
    drop column taggable_type,
    drop column taggable_id,
    add constraint taggings_one_target check (num_nonnulls(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id) = 1),
    add constraint taggings_once unique nulls not distinct (
        user_id, tag_id, task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id);

comment on table taggings is 'Which row carries which tag: exactly one of the target columns is set.';
