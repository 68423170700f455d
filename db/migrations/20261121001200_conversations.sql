-- migrate:up

create table conversations (
    user_id uuid not null constraint conversations_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    title text not null default 'New Conversation'
        constraint conversations_title_length check (char_length(title) between 1 and 500)
        constraint conversations_title_not_blank check (title ~ '[^[:space:]]'),
    is_archived boolean not null default false,
    last_seq integer not null default 0 constraint conversations_last_seq_range check (last_seq >= 0),
    last_activity_at timestamptz not null default now(),
    extra jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id)
);

-- The list goes by newest activity (conversations.page_newest).
create index conversations_activity on conversations (user_id, last_activity_at, id);

create trigger conversations_touch before update on conversations for each row execute function touch();

comment on table conversations is
    'A user''s conversations with assistants. The id may be any UUID, chosen by the client: the order is that of activity.';
comment on column conversations.last_seq is 'The number of the newest message: the row''s lock is the sequence, so that it has no gaps.';
comment on column conversations.extra is 'What an imported file said that no column holds.';
comment on column conversations.version is 'Counts real changes, new messages too; the API''s ETag.';

-- migrate:down
drop table conversations;
