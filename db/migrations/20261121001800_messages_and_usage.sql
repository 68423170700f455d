-- migrate:up

-- A long conversation leaves the database in several parts: a save in between must be noticed, or half of each would be read.
alter table conversations add column saves integer not null default 0;
-- Made before the first release, in which no table is large.
-- squawk-ignore constraint-missing-not-valid
alter table conversations add constraint conversations_saves_range check (saves >= 0);

comment on column conversations.saves is 'Counts the saves of the whole conversation that changed its messages; adding one is none.';

create table messages (
    user_id uuid not null constraint messages_user_exists references users on delete cascade,
    conversation_id uuid not null,
    seq integer not null constraint messages_seq_range check (seq >= 1),
    role text not null constraint messages_role_known check (role in ('user', 'assistant')),
    content text constraint messages_content_length check (char_length(content) <= 8388608),
    stage1 jsonb,
    stage2 jsonb,
    stage3 jsonb,
    metadata jsonb,
    extra jsonb,
    created_at timestamptz not null default now(),
    size_bytes integer not null generated always as (
        coalesce(octet_length(content), 0)
        + coalesce(octet_length(stage1::text), 0)
        + coalesce(octet_length(stage2::text), 0)
        + coalesce(octet_length(stage3::text), 0)
        + coalesce(octet_length(metadata::text), 0)) stored,
    search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || to_tsvector('simple', left(coalesce(content, '') || chr(10) || coalesce(stage3 ->> 'response', ''), 100000))) stored,
    primary key (user_id, conversation_id, seq),
    constraint messages_conversation_exists
        foreign key (user_id, conversation_id) references conversations on delete cascade,
    constraint messages_content_needed check (content is not null or (role = 'assistant' and stage3 is not null))
);

-- conversations.page_found: the owner is a lexeme too, so that the index alone narrows to the user. Without the list of
-- pending entries: it would be read by every search, and emptied by whoever appends the message that fills it.
create index messages_search on messages using gin (search) with (fastupdate = off);

-- What the planner would find out by itself, the messages of an average user, misleads it: for a user with many it would read
-- all of them in the place of the few that the index of words gives.
alter table messages alter column user_id set (n_distinct = 1);

comment on table messages is 'What was said in a conversation, in the order of seq: 1, 2, 3 and so on, without a gap.';
comment on column messages.stage1 is 'The answers of the council''s models; kept as sent.';
comment on column messages.stage2 is 'The models'' rankings of each other; kept as sent.';
comment on column messages.stage3 is 'The final answer; its response is searched, and shown in lists. Kept as sent.';
comment on column messages.extra is 'What an imported file said that no column holds.';
comment on column messages.size_bytes is 'Length of the texts: a reader takes as many messages at once as fit into memory.';
comment on column messages.search is
    'Words of the content and of the response in stage3, and the owner''s id as a word. The first 100,000 characters: of more, '
    'words of four bytes a letter and with hyphens, which count twice, can be too many for a tsvector.';

create table usage (
    user_id uuid primary key constraint usage_user_exists references users on delete cascade,
    tier text not null constraint usage_tier_known check (tier in ('free', 'pro', 'enterprise')),
    daily_used integer not null default 0 constraint usage_daily_used_range check (daily_used >= 0),
    daily_limit integer constraint usage_daily_limit_range check (daily_limit >= 0),
    monthly_used integer not null default 0 constraint usage_monthly_used_range check (monthly_used >= 0),
    monthly_limit integer constraint usage_monthly_limit_range check (monthly_limit >= 0),
    total_queries bigint not null default 0 constraint usage_total_queries_range check (total_queries >= 0),
    last_reset_daily date not null default (now() at time zone 'UTC')::date,
    last_reset_monthly date not null default date_trunc('month', now() at time zone 'UTC')::date,
    created_at timestamptz not null default now()
);

comment on table usage is
    'How many user messages a user has sent, and may send: made by the first one, or by a tier. Used may exceed the limit, '
    'because a tier can go down.';
comment on column usage.daily_limit is 'User messages per UTC day; null: no limit.';
comment on column usage.monthly_limit is 'User messages per UTC month; null: no limit.';
comment on column usage.total_queries is 'User messages ever sent; deleting a conversation takes none back.';
comment on column usage.last_reset_daily is
    'The UTC day that daily_used counts. An earlier one: the reset is due, and applied by the next user message.';
comment on column usage.last_reset_monthly is 'The first day of the UTC month that monthly_used counts.';

-- migrate:down
drop table usage;
drop table messages;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table conversations drop column saves;
