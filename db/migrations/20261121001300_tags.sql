-- migrate:up

create table tags (
    user_id uuid not null constraint tags_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    name text not null
        constraint tags_name_length check (char_length(name) between 1 and 100)
        constraint tags_name_not_blank check (name ~ '[^[:space:]]'),
    slug text not null constraint tags_slug_form check (slug ~ '^[^[:space:]/?#%]+$' and char_length(slug) <= 100),
    category text constraint tags_category_length check (char_length(category) between 1 and 100),
    color text constraint tags_color_form check (color ~ '^#[0-9A-Fa-f]{6}$'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id),
    -- Also the way from the slug in a list's filter to the tag.
    constraint tags_slug_unique unique (user_id, slug)
);

create trigger tags_touch before update on tags for each row execute function touch();

-- A link to one row of eight kinds, each by a real foreign key: so a tag never points at nothing, nor at another user's row.
create table taggings (
    user_id uuid not null constraint taggings_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    tag_id uuid not null,
    task_id uuid,
    habit_id uuid,
    goal_id uuid,
    food_id uuid,
    workout_id uuid,
    daily_review_id uuid,
    blog_entry_id uuid,
    conversation_id uuid,
    created_at timestamptz not null default now(),
    -- Behind the tag: so the key is also the list of its taggings by time (tags.page_taggings), and the shortest way to count them.
    primary key (user_id, tag_id, id),
    constraint taggings_tag_exists foreign key (user_id, tag_id) references tags on delete cascade,
    constraint taggings_task_exists foreign key (user_id, task_id) references tasks on delete cascade,
    constraint taggings_habit_exists foreign key (user_id, habit_id) references habits on delete cascade,
    constraint taggings_goal_exists foreign key (user_id, goal_id) references goals on delete cascade,
    constraint taggings_food_exists foreign key (user_id, food_id) references foods on delete cascade,
    constraint taggings_workout_exists foreign key (user_id, workout_id) references workouts on delete cascade,
    constraint taggings_daily_review_exists foreign key (user_id, daily_review_id) references daily_reviews on delete cascade,
    constraint taggings_blog_entry_exists foreign key (user_id, blog_entry_id) references blog_entries on delete cascade,
    constraint taggings_conversation_exists foreign key (user_id, conversation_id) references conversations on delete cascade,
    constraint taggings_one_target check (num_nonnulls(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id) = 1),
    -- The arbiter of on conflict for all kinds. A key on one generated target column would let a task's id pass as a goal's
    -- in silence: the conflict wins over the foreign key.
    constraint taggings_once unique nulls not distinct (
        user_id, tag_id, task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)
);

-- For the cascades, and "the tags of this row".
create index taggings_task on taggings (user_id, task_id) where task_id is not null;
create index taggings_habit on taggings (user_id, habit_id) where habit_id is not null;
create index taggings_goal on taggings (user_id, goal_id) where goal_id is not null;
create index taggings_food on taggings (user_id, food_id) where food_id is not null;
create index taggings_workout on taggings (user_id, workout_id) where workout_id is not null;
create index taggings_daily_review on taggings (user_id, daily_review_id) where daily_review_id is not null;
create index taggings_blog_entry on taggings (user_id, blog_entry_id) where blog_entry_id is not null;
create index taggings_conversation on taggings (user_id, conversation_id) where conversation_id is not null;

comment on table tags is 'Words that a user puts on rows of any kind. How often one is used is counted, never stored.';
comment on column tags.slug is 'The name in an address and in a list''s filter tag=, unique for the user; it follows the name.';
comment on column tags.version is 'Counts real changes; the API''s ETag.';
comment on table taggings is 'Which row carries which tag: exactly one of the target columns is set.';

-- migrate:down
drop table taggings;
drop table tags;
