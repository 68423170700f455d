-- name: caller(token_hash)^
-- tenant: none, it finds out who the tenant is
-- A session's token or an API token; scopes is null for a session, which may do everything. stale: it was last written more
-- than an hour ago and wants touch_session() or touch_api_token(). fresh_for: seconds until it expires, at most an hour.
select s.user_id, s.id as token_id, null::text[] as scopes, u.role, u.is_guest, u.timezone,
    s.last_seen_at < now() - interval '1 hour' as stale,
    extract(epoch from least(s.expires_at - now(), interval '1 hour'))::float8 as fresh_for, null::uuid as actor_id,
    coalesce(m.stored_bytes, 0) as stored_bytes, coalesce(m.measured_at > now() - interval '1 day', false) as is_measured
from sessions s
join users u on u.id = s.user_id
left join storage_use m on m.user_id = u.id
where s.token_hash = :token_hash
  and s.expires_at > now()
  and u.is_active
union all
select t.user_id, t.id, t.scopes, u.role, u.is_guest, u.timezone,
    coalesce(t.last_used_at < now() - interval '1 hour', true),
    extract(epoch from least(t.expires_at - now(), interval '1 hour'))::float8, null,
    coalesce(m.stored_bytes, 0), coalesce(m.measured_at > now() - interval '1 day', false)
from api_tokens t
join users u on u.id = t.user_id
left join storage_use m on m.user_id = u.id
where t.token_hash = :token_hash
  and (t.expires_at is null or t.expires_at > now())
  and u.is_active;

-- name: touch_session(token_hash, session_days, session_max_days, ip, user_agent)$
-- tenant: none, the hash of a 256-bit token names one session and proves who holds it
-- The condition on the hour is repeated here, so that of many concurrent requests one writes. Whether the session goes on: one
-- that was made when sessions could last for longer may be over by now. Null: another request has written.
with extended_session as (
    select token_hash, least(
            now() + make_interval(days => :session_days), created_at + make_interval(days => :session_max_days)) as expires_at
    from sessions
    where token_hash = :token_hash),
touched_session as (
    update sessions s
    set last_seen_at = now(), last_ip = :ip, last_user_agent = :user_agent, expires_at = e.expires_at
    from extended_session e
    where s.token_hash = e.token_hash
      and s.last_seen_at < now() - interval '1 hour'
    returning s.expires_at)
select expires_at > now() from touched_session;

-- name: touch_api_token(token_hash)!
-- tenant: none, the hash of a 256-bit token names one row and proves who holds it
update api_tokens
set last_used_at = now()
where token_hash = :token_hash
  and (last_used_at is null or last_used_at < now() - interval '1 hour');

-- name: acted_for(user_id)^
-- The user that a service names by id. No row: there is none.
select u.id as user_id, u.is_guest, u.timezone, u.is_active, coalesce(m.stored_bytes, 0) as stored_bytes,
    coalesce(m.measured_at > now() - interval '1 day', false) as is_measured
from users u
left join storage_use m on m.user_id = u.id
where u.id = :user_id;

-- name: acted_for_identity(provider, subject)^
-- tenant: none, a service names the user by an identity
select u.id as user_id, u.is_guest, u.timezone, u.is_active, coalesce(m.stored_bytes, 0) as stored_bytes,
    coalesce(m.measured_at > now() - interval '1 day', false) as is_measured
from identities i
join users u on u.id = i.user_id
left join storage_use m on m.user_id = u.id
where i.provider = :provider and i.subject = :subject;

-- name: create_external_user(provider, subject, is_guest, actor_id, target, request_id)^
-- tenant: none, it makes the user that a service named by an identity
-- A guest or a user of another service.
-- The audit trail says which service did so, even when it only reads on behalf of the new user. A violation of
-- identities_subject_unique: a concurrent request has made it; nothing is left of this one.
with inserted_user as (
    insert into users (is_external, is_guest) values (not :is_guest::boolean, :is_guest::boolean)
    returning id, is_guest, timezone, is_active),
inserted_identity as (
    insert into identities (user_id, provider, subject) select id, :provider, :subject from inserted_user),
inserted_event as (
    insert into audit_events (actor_id, acting_for, action, target, detail)
    select :actor_id, id, case when is_guest then 'create guest' else 'create external user' end, :target,
        jsonb_build_object('request_id', :request_id::text)
    from inserted_user)
select id as user_id, is_guest, timezone, is_active, 0::bigint as stored_bytes, false as is_measured from inserted_user;
