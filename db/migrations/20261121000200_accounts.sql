-- migrate:up

create table users (
    id uuid primary key default new_id(),
    email text
        constraint users_email_length check (char_length(email) between 3 and 320)
        constraint users_email_form check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    username text constraint users_username_form check (username ~ '^[A-Za-z0-9_.-]{3,50}$'),
    password_hash text,
    name text constraint users_name_length check (char_length(name) <= 100),
    first_name text constraint users_first_name_length check (char_length(first_name) <= 100),
    last_name text constraint users_last_name_length check (char_length(last_name) <= 100),
    bio text constraint users_bio_length check (char_length(bio) <= 2000),
    avatar_url text constraint users_avatar_url_length check (char_length(avatar_url) <= 500),
    timezone text not null default 'UTC'
        constraint users_timezone_length check (char_length(timezone) between 1 and 100),
    role text not null default 'user' constraint users_role_known check (role in ('user', 'service', 'admin')),
    is_guest boolean not null default false,
    is_active boolean not null default true,
    is_verified boolean not null default false,
    is_external boolean not null default false,
    last_login_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint users_reachable check (is_guest or is_external or email is not null)
);

-- Also the way in: login finds an account by either of them.
create unique index users_email_unique on users (lower(email));
create unique index users_username_unique on users (lower(username));

create trigger users_touch before update on users
for each row execute function touch('last_login_at', 'password_hash');

comment on table users is
    'Accounts. Small and rarely written; everything owned hangs on it and goes with it.';
comment on column users.email is
    'Unique without regard to case; kept as it was typed. Null only for guests and for those who came by an identity.';
comment on column users.password_hash is
    'Argon2id. Null: no password was ever set, so no login by password.';
comment on column users.timezone is 'IANA name: decides what "today" is for habits.';
comment on column users.is_external is 'Came by an identity of another service rather than by registration.';
comment on column users.last_login_at is 'Not part of version: logging in does not change the profile.';

create table identities (
    user_id uuid not null constraint identities_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    provider text not null constraint identities_provider_known
        check (provider in ('google', 'github', 'firebase', 'auth0', 'legacy')),
    subject text not null constraint identities_subject_length check (char_length(subject) between 1 and 255),
    email text constraint identities_email_length check (char_length(email) between 3 and 320),
    created_at timestamptz not null default now(),
    primary key (user_id, id),
    -- Looked up before the user is known, so it cannot start with user_id.
    constraint identities_subject_unique unique (provider, subject)
);

comment on table identities is 'Who a user is elsewhere: one row per provider and subject.';
comment on column identities.subject is 'The provider''s own stable id of the user; never the e-mail, which can change hands.';

create table sessions (
    token_hash bytea primary key constraint sessions_token_hash_length check (octet_length(token_hash) = 32),
    id uuid not null default new_id(),
    user_id uuid not null constraint sessions_user_exists references users on delete cascade,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    user_agent text constraint sessions_user_agent_length check (char_length(user_agent) <= 500),
    ip inet,
    constraint sessions_expires_later check (expires_at > created_at)
);

-- For the cascade, "my sessions", and ending one of them by its id.
create index sessions_user on sessions (user_id, id);

comment on table sessions is 'Who is signed in. One row per token; the row gone, the token is dead.';
comment on column sessions.token_hash is 'SHA-256 of the token. The token itself is 256 random bits and never stored.';
comment on column sessions.id is 'What the API shows: a token''s hash never leaves the database.';
comment on column sessions.last_seen_at is 'Written at most hourly, together with expires_at, which slides.';

-- Unlogged: counts may be lost in a crash, and a write costs a fifth.
create unlogged table rate_limits (
    bucket text not null constraint rate_limits_bucket_length check (char_length(bucket) between 1 and 200),
    window_start timestamptz not null,
    hits integer not null,
    primary key (bucket, window_start)
);

comment on table rate_limits is 'Attempts per bucket and fixed window, shared by all workers.';
comment on column rate_limits.bucket is 'What is limited and for whom: an address, or a hash of the account''s name.';

-- migrate:down
drop table rate_limits;
drop table sessions;
drop table identities;
drop table users;
