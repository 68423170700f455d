-- migrate:up

create table tasks (
    user_id uuid not null constraint tasks_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    title text not null
        constraint tasks_title_length check (char_length(title) between 1 and 200)
        constraint tasks_title_not_blank check (title ~ '[^[:space:]]'),
    description text constraint tasks_description_length check (char_length(description) <= 1000),
    completed boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id)
);

-- "Whose is it": a foreign task answers 403, an unknown one 404 (tasks.owner).
create index tasks_id on tasks (id);

create trigger tasks_touch before update on tasks for each row execute function touch();

comment on table tasks is 'What a user wants to get done. The id carries the creation time, so it is the order of lists.';
comment on column tasks.version is 'Counts real changes; the API''s ETag.';

-- migrate:down
drop table tasks;
