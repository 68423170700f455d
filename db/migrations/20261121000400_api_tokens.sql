-- migrate:up

create table api_tokens (
    token_hash bytea primary key constraint api_tokens_token_hash_length check (octet_length(token_hash) = 32),
    id uuid not null default new_id(),
    user_id uuid not null constraint api_tokens_user_exists references users on delete cascade,
    name text not null
        constraint api_tokens_name_length check (char_length(name) between 1 and 100)
        constraint api_tokens_name_not_blank check (name ~ '[^[:space:]]'),
    scopes text[] not null constraint api_tokens_scopes_some check (cardinality(scopes) between 1 and 50),
    last_characters text not null
        constraint api_tokens_last_characters_length check (char_length(last_characters) = 8),
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    expires_at timestamptz,
    constraint api_tokens_expires_later check (expires_at > created_at)
);

-- For the cascade, "my tokens", and ending one of them by its id.
create index api_tokens_user on api_tokens (user_id, id);

comment on table api_tokens is 'Tokens for programs: named, narrowed by scopes, ended by their owner or by time.';
comment on column api_tokens.token_hash is 'SHA-256 of the token, which is shown once and never stored.';
comment on column api_tokens.scopes is 'What the token may do: read, write, or <resource>:read and <resource>:write.';
comment on column api_tokens.last_characters is 'The end of the token, so that its owner recognises it.';
comment on column api_tokens.last_used_at is 'Written at most hourly.';
comment on column api_tokens.expires_at is 'Null: never.';

-- migrate:down
drop table api_tokens;
