-- migrate:up

create table media (
    user_id uuid not null constraint media_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    file_name text not null
        constraint media_file_name_length check (char_length(file_name) between 1 and 255)
        constraint media_file_name_not_blank check (file_name ~ '[^[:space:]]'),
    content_type text not null constraint media_content_type_length check (char_length(content_type) between 3 and 255),
    size_bytes bigint not null constraint media_size_bytes_range check (size_bytes > 0),
    sha256 text not null constraint media_sha_form check (sha256 ~ '^[0-9a-f]{64}$'),
    width integer constraint media_width_range check (width > 0),
    height integer constraint media_height_range check (height > 0),
    alt_text text constraint media_alt_text_length check (char_length(alt_text) <= 1000),
    storage_key text not null constraint media_storage_key_length check (char_length(storage_key) between 1 and 500),
    task_id uuid,
    habit_id uuid,
    goal_id uuid,
    food_id uuid,
    workout_id uuid,
    daily_review_id uuid,
    blog_entry_id uuid,
    conversation_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id),
    constraint media_storage_key_unique unique (user_id, storage_key),
    constraint media_task_exists foreign key (user_id, task_id) references tasks on delete cascade,
    constraint media_habit_exists foreign key (user_id, habit_id) references habits on delete cascade,
    constraint media_goal_exists foreign key (user_id, goal_id) references goals on delete cascade,
    constraint media_food_exists foreign key (user_id, food_id) references foods on delete cascade,
    constraint media_workout_exists foreign key (user_id, workout_id) references workouts on delete cascade,
    constraint media_daily_review_exists foreign key (user_id, daily_review_id) references daily_reviews on delete cascade,
    constraint media_blog_entry_exists foreign key (user_id, blog_entry_id) references blog_entries on delete cascade,
    constraint media_conversation_exists foreign key (user_id, conversation_id) references conversations on delete cascade,
    constraint media_one_target check (num_nonnulls(
        task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id) <= 1)
);

-- For the cascades, and the filter by what a file is attached to.
create index media_task on media (user_id, task_id) where task_id is not null;
create index media_habit on media (user_id, habit_id) where habit_id is not null;
create index media_goal on media (user_id, goal_id) where goal_id is not null;
create index media_food on media (user_id, food_id) where food_id is not null;
create index media_workout on media (user_id, workout_id) where workout_id is not null;
create index media_daily_review on media (user_id, daily_review_id) where daily_review_id is not null;
create index media_blog_entry on media (user_id, blog_entry_id) where blog_entry_id is not null;
create index media_conversation on media (user_id, conversation_id) where conversation_id is not null;

create trigger media_touch before update on media for each row execute function touch();

-- Objects that have to go. It belongs to nobody: an account that is deleted leaves its objects here.
create table media_deletions (
    storage_key text primary key constraint media_deletions_storage_key_length check (char_length(storage_key) between 1 and 500),
    due_at timestamptz not null default now()
);

-- media.due_deletions
create index media_deletions_due on media_deletions (due_at);

-- A trigger, so that every way in which a row goes counts: a delete, a cascade, an account.
create function remember_deleted_media() returns trigger language plpgsql as $$
begin
    insert into media_deletions (storage_key) values (old.storage_key) on conflict (storage_key) do nothing;
    return null;
end $$;

comment on function remember_deleted_media is 'Writes down which object lost its row, for maintain to delete.';

create trigger media_deleted after delete on media for each row execute function remember_deleted_media();

comment on table media is 'Files of users; the bytes lie in object storage under storage_key.';
comment on column media.content_type is 'Sniffed from the bytes, never what the client said.';
comment on column media.version is 'Counts real changes; the API''s ETag.';
comment on table media_deletions is 'Objects without a row, or not yet with one: maintain deletes those that are due.';
comment on column media_deletions.due_at is
    'An upload writes its key here first, due when it must have ended, and takes it out with the insert of its row.';

-- migrate:down
drop table media;
drop function remember_deleted_media();
drop table media_deletions;
