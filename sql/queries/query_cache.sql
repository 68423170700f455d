-- name: get(query_hash)^
-- batch: none, an answer has up to 8 MiB; short ones would wait for it
-- tenant: none, the cache belongs to no user
-- What has expired is not there.
select query_hash, result::text as result, cached_at, expires_at, 0 as credits_charged
from query_cache
where query_hash = :query_hash and expires_at > now();

-- name: put(query_hash, result, ttl_seconds)^
-- tenant: none, the cache belongs to no user
-- What was sent does not come back. is_new: there was none, or one that had expired.
with previous_answer as (
    select expires_at from query_cache where query_hash = :query_hash and expires_at > now())
insert into query_cache (query_hash, result, expires_at)
values (:query_hash, :result::json, now() + make_interval(secs => :ttl_seconds::integer))
on conflict (query_hash) do update
set result = excluded.result, cached_at = excluded.cached_at, expires_at = excluded.expires_at
returning cached_at, expires_at, not exists (select 1 from previous_answer) as is_new;

-- name: delete(query_hash)!
-- tenant: none, the cache belongs to no user
delete from query_cache where query_hash = :query_hash and expires_at > now();

-- name: clear()!
-- tenant: none, the cache belongs to no user
delete from query_cache;

-- name: delete_expired(limit)!
-- tenant: none, the cache belongs to no user
-- The condition is repeated outside, because a put may renew an answer while this waits for its row.
delete from query_cache
where expires_at <= now()
  and query_hash in (select query_hash from query_cache where expires_at <= now() limit :limit);
