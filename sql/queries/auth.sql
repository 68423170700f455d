-- name: caller(token_hash)^
-- tenant: none, it finds out who the tenant is
-- stale: the session was last written more than an hour ago and wants see(), which moves its end.
select s.user_id, s.id as session_id, u.role, u.is_guest, u.timezone,
    s.last_seen_at < now() - interval '1 hour' as stale
from sessions s
join users u on u.id = s.user_id
where s.token_hash = :token_hash
  and s.expires_at > now()
  and u.is_active;

-- name: see(token_hash, session_days)!
-- tenant: none, the hash of a 256-bit token names one session and proves who holds it
-- The hour stands here too: of many concurrent requests one writes.
update sessions
set last_seen_at = now(), expires_at = now() + make_interval(days => :session_days)
where token_hash = :token_hash
  and last_seen_at < now() - interval '1 hour';
