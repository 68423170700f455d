-- name: register(email, username, password_hash, name, timezone, token_hash, session_days, user_agent, ip, device_name)^
-- tenant: none, it makes the user, and the first session in the same statement
with inserted_user as (
    insert into users (email, username, password_hash, name, timezone, last_login_at)
    values (:email, :username, :password_hash, :name, :timezone, now())
    returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
        is_verified, is_external, last_login_at, created_at, updated_at, version),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip, device_name)
    select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip, :device_name
    from inserted_user
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from inserted_user u
cross join inserted_session s;

-- name: credentials_by_email(email)^
-- tenant: none, login: the user is not known yet
select id, password_hash, is_active, is_guest, email, username
from users
where normal_login(email) = normal_login(:email);

-- name: credentials_by_username(username)^
-- tenant: none, login: the user is not known yet
select id, password_hash, is_active, is_guest, email, username
from users
where normal_login(username) = normal_login(:username);

-- name: id_of_username(username)$
-- tenant: none, the address of what anybody may read has the user's name
select id from users where normal_login(username) = normal_login(:username) and is_active;

-- name: lock(user_id)$
-- First statement of a transaction whose like of the same user shall wait: the next one sees what those before have written.
-- Inside that statement the lock would come too late for its snapshot. No key update: inserts of the user's rows need a key
-- share, and are not blocked.
select id from users where id = :user_id for no key update;

-- name: lock_distributed(user_id)$
-- As lock(), for one user and at the coordinator alone: a row that is on every server is locked there, and with it all others.
select :user_id::uuid as id from pg_advisory_xact_lock(hashtextextended('holdfast user ' || (:user_id::uuid)::text, 0));

-- name: credentials(user_id)^
select id, password_hash, is_active, is_guest, email, username from users where id = :user_id;

-- name: log_in(user_id, password_hash, token_hash, session_days, user_agent, ip, device_name)^
-- No row: since its password was checked the account was deleted or disabled, or got another password.
with updated_user as (
    update users
    set last_login_at = now()
    where id = :user_id and is_active and password_hash = :password_hash
    returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
        is_verified, is_external, last_login_at, created_at, updated_at, version),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip, device_name)
    select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip, :device_name
    from updated_user
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from updated_user u
cross join inserted_session s;

-- name: log_in_unnoted(user_id, password_hash, token_hash, session_days, user_agent, ip, device_name)$
-- log_in() without last_login_at, which every server of a cluster has: it cannot be written while one of them is away. Nor can
-- a password be, so that no lock is needed: one would be asked of every server, too.
insert into sessions (token_hash, user_id, expires_at, user_agent, ip, device_name)
select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip, :device_name
from users
where id = :user_id and is_active and password_hash = :password_hash
returning expires_at;

-- name: replace_hash(user_id, old_hash, new_hash)!
-- The same password under today's parameters; nothing happens when the password was changed meanwhile.
update users set password_hash = :new_hash where id = :user_id and password_hash = :old_hash;

-- name: log_out(token_hash)!
-- tenant: none, the hash of a 256-bit token names one session and proves who holds it
delete from sessions where token_hash = :token_hash;

-- name: me(user_id)^
select id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
    is_verified, is_external, last_login_at, created_at, updated_at, version
from users
where id = :user_id;

-- name: patch_me(user_id, versions, password_hash, changes)^
-- A merge patch as in tasks.patch. A changed e-mail has to be verified again. password_hash is the one that was checked; null:
-- none was.
update users u
set (email, email_verified_at, username, name, first_name, last_name, bio, avatar_url, timezone) = (
    select p.email, case when normal_login(p.email) = normal_login(u.email) then u.email_verified_at end, p.username, p.name,
        p.first_name, p.last_name, p.bio, p.avatar_url, p.timezone
    from jsonb_populate_record(u, :changes::jsonb) p), updated_at = now()
where u.id = :user_id
  and (:versions::int8multirange is null or u.version <@ :versions)
  and (:password_hash::text is null or u.password_hash = :password_hash)
returning u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone, u.role,
    u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version;

-- name: is_email_taken(user_id, email)$
-- tenant: none, it looks for another account that has the address
select exists (select from users where normal_login(email) = normal_login(:email) and id <> :user_id);

-- name: delete_me(user_id, versions)!
-- Everything owned goes with it, by cascade.
delete from users
where id = :user_id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: guest(token_hash, session_days, user_agent, ip, device_name)^
-- tenant: none, it makes the user, and the session in the same statement
with inserted_user as (
    insert into users (is_guest, last_login_at)
    values (true, now())
    returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
        is_verified, is_external, last_login_at, created_at, updated_at, version),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip, device_name)
    select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip, :device_name
    from inserted_user
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from inserted_user u
cross join inserted_session s;

-- name: enrol(user_id, email, username, password_hash, name, timezone, token_hash, session_days, user_agent, ip, device_name)^
-- The guest becomes the registered user: the id and every row stay, the guest's sessions and tokens end. All of it or
-- nothing: with a taken e-mail the guest is as before. No row: not a guest any more.
with updated_user as (
    update users
    set email = :email, username = :username, password_hash = :password_hash, name = :name, timezone = :timezone,
        is_guest = false, last_login_at = now(), updated_at = now()
    where id = :user_id and is_guest and is_active
    returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
        is_verified, is_external, last_login_at, created_at, updated_at, version),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip, device_name)
    select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip, :device_name
    from updated_user
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from updated_user u
cross join inserted_session s
cross join end_access(u.id, :token_hash, '{}') ended;

-- name: change_password(user_id, old_hash, new_hash, token_hash, keep_tokens)$
-- The other sessions end, and the API tokens that are not named. Null: the password was changed meanwhile. A null old hash:
-- there was none.
with updated_user as (
    update users
    set password_hash = :new_hash
    where id = :user_id and password_hash is not distinct from :old_hash
    returning id)
select end_access(id, :token_hash, :keep_tokens) from updated_user;

-- name: owned_tokens(user_id, ids)$
-- How many of these API tokens are this user's.
select count(*) from api_tokens where user_id = :user_id and id = any(:ids::uuid[]);

-- name: page_sessions(user_id, token_id, after, limit)
-- One's own live sessions, newest first, each as JSON; token_id is the caller's.
select row_to_json(session)::text as json
from (
    select id, id = :token_id as is_current, rfc3339(created_at) as created_at, rfc3339(last_seen_at) as last_seen_at,
        rfc3339(expires_at) as expires_at, user_agent, host(ip) as ip,
        coalesce(last_user_agent, user_agent) as last_user_agent, host(coalesce(last_ip, ip)) as last_ip, device_name
    from sessions
    where user_id = :user_id
      and id < :after
      and expires_at > now()
    order by id desc
    limit :limit) session;

-- name: patch_session(user_id, id, token_id, changes)^
-- A merge patch as in tasks.patch, of one's own live sessions; token_id is the caller's.
update sessions s
set device_name = (select p.device_name from jsonb_populate_record(s, :changes::jsonb) p)
where s.user_id = :user_id
  and s.id = :id
  and s.expires_at > now()
returning s.id, s.id = :token_id as is_current, s.created_at, s.last_seen_at, s.expires_at, s.user_agent, host(s.ip) as ip,
    coalesce(s.last_user_agent, s.user_agent) as last_user_agent, host(coalesce(s.last_ip, s.ip)) as last_ip, s.device_name;

-- name: end_session(user_id, id)!
delete from sessions
where user_id = :user_id
  and id = :id
  and expires_at > now();

-- name: end_sessions(user_id)$
-- How many sessions of a user ended, that of a login in flight among them; API tokens go on. Null: there is no such user.
with locked_user as (
    select id from users where id = :user_id for no key update)
select end_sessions(id) from locked_user;

-- name: page_identities(user_id, after, limit)
-- Which identities of other services are this user's, newest first, each as JSON.
select row_to_json(identity)::text as json
from (
    select id, provider, subject, email, rfc3339(created_at) as created_at
    from identities
    where user_id = :user_id
      and id < :after
    order by id desc
    limit :limit) identity;

-- name: is_fresh(user_id, token_id)$
-- Whether a session was made in the last 15 minutes; null: there is no such session.
select created_at > now() - interval '15 minutes' from sessions where user_id = :user_id and id = :token_id;

-- name: unlink_identity(user_id, id, providers)$
-- Whether it was removed: something must be left to sign in with, the password or an identity of one of the providers. Null:
-- there is no such identity. Within a transaction after lock(): of two at once the second one sees what the first has left.
with found_identity as (
    select i.id, u.password_hash is not null or exists (
            select from identities o
            where o.user_id = :user_id and o.id <> i.id and o.provider = any(:providers::text[])) as can_sign_in
    from identities i
    join users u on u.id = i.user_id
    where i.user_id = :user_id and i.id = :id),
deleted_identity as (
    delete from identities i
    using found_identity f
    where i.user_id = :user_id and i.id = f.id and f.can_sign_in)
select can_sign_in from found_identity;

-- name: new_device(user_id, user_agent)$
-- The address of a user who has signed in before, but with this user agent in none of their sessions. Null: anybody else.
select email
from users u
where id = :user_id
  and last_login_at is not null
  and not exists (
    select from sessions s
    where s.user_id = :user_id and (s.user_agent is not distinct from :user_agent or s.last_user_agent = :user_agent));

-- name: create_token(user_id, session_hash, token_hash, name, scopes, expires_at, last_characters)^
-- No row: the session that asks has ended. The locks make this wait for a password change, which ends the others' sessions,
-- and a password change wait for this, so that it ends the new token, too.
with live_session as (
    select s.user_id
    from sessions s
    join users u on u.id = s.user_id
    where s.user_id = :user_id and s.token_hash = :session_hash
    for share of u
    for key share of s)
insert into api_tokens (user_id, token_hash, name, scopes, expires_at, last_characters)
select user_id, :token_hash, :name, :scopes, :expires_at, :last_characters
from live_session
returning id, name, scopes, last_characters, created_at, last_used_at, expires_at;

-- name: page_tokens(user_id, after, limit)
-- One's own API tokens, newest first, each as JSON; expired ones too, so that their owner sees why they fail.
select row_to_json(token)::text as json
from (
    select id, name, scopes, last_characters, rfc3339(created_at) as created_at, rfc3339(last_used_at) as last_used_at,
        rfc3339(expires_at) as expires_at
    from api_tokens
    where user_id = :user_id
      and id < :after
    order by id desc
    limit :limit) token;

-- name: end_token(user_id, id)!
delete from api_tokens
where user_id = :user_id and id = :id;

-- name: page_users(after, limit)
-- tenant: none, the operator's command line lists every account
-- Newest first, with what a list on a terminal shows.
select id, email, username, role, is_guest, is_active, last_login_at, created_at
from users
where id < :after
order by id desc
limit :limit;

-- name: create_user(email, username, password_hash, name, timezone, role)^
-- tenant: none, it makes the user
-- By the operator's command line: no session is opened.
insert into users (email, username, password_hash, name, timezone, role)
values (:email, :username, :password_hash, :name, :timezone, :role)
returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active, is_verified,
    is_external, last_login_at, created_at, updated_at, version;

-- name: disable(user_id)$
-- How many sessions ended with it: enabled again, the user signs in anew. Null: there is no such user.
with updated_user as (
    update users set is_active = false, updated_at = now() where id = :user_id returning id)
select end_sessions(id) from updated_user;

-- name: enable(user_id)$
-- Null: there is no such user.
update users set is_active = true, updated_at = now() where id = :user_id returning id;

-- name: set_role(user_id, role)$
-- Null: there is no such user.
update users set role = :role, updated_at = now() where id = :user_id returning id;

-- name: set_password(user_id, password_hash)$
-- Every session and API token ends, because someone else may know the old password. Null: there is no such user.
with updated_user as (
    update users set password_hash = :password_hash where id = :user_id returning id)
select end_access(id, null, '{}') from updated_user;

-- name: delete_expired_sessions(limit)!
-- tenant: none, it removes expired sessions of every user
-- The condition is repeated outside, because a request may extend a session while this waits for its row.
delete from sessions
where expires_at <= now()
  and token_hash in (select token_hash from sessions where expires_at <= now() limit :limit);

-- name: delete_expired_tokens(limit)!
-- tenant: none, it removes expired API tokens of every user
-- plan: exempt, there are few API tokens
-- Only long after their end, so that their owner sees why they fail.
delete from api_tokens
where token_hash in (select token_hash from api_tokens where expires_at <= now() - interval '90 days' limit :limit);
