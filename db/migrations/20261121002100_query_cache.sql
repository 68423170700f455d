-- migrate:up

create table query_cache (
    query_hash text primary key constraint query_cache_query_hash_form check (query_hash ~ '^[A-Za-z0-9_-]{1,128}$'),
    result jsonb not null,
    cached_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint query_cache_expires_later check (expires_at > cached_at)
);

-- query_cache.delete_expired.
create index query_cache_expiry on query_cache (expires_at);

comment on table query_cache is 'Answers to questions that many users ask. It belongs to nobody: services and admins write, everybody reads.';
comment on column query_cache.query_hash is 'What the writer made of the question; the server does not know how.';

-- migrate:down
drop table query_cache;
