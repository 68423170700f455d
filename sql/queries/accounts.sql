-- name: register(email, username, password_hash, name, timezone, token_hash, session_days, user_agent, ip)^
-- tenant: none, it makes the user, and the first session in the same statement
with inserted_user as (
    insert into users (email, username, password_hash, name, timezone, last_login_at)
    values (:email, :username, :password_hash, :name, :timezone, now())
    returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
        is_verified, is_external, last_login_at, created_at, updated_at, version),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip)
    select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip
    from inserted_user
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from inserted_user u
cross join inserted_session s;

-- name: credentials_by_email(email)^
-- tenant: none, login: the user is not known yet
select id, password_hash, is_active from users where lower(email) = lower(:email);

-- name: credentials_by_username(username)^
-- tenant: none, login: the user is not known yet
select id, password_hash, is_active from users where lower(username) = lower(:username);

-- name: credentials(user_id)^
select id, password_hash, is_active from users where id = :user_id;

-- name: log_in(user_id, token_hash, session_days, user_agent, ip)^
-- No row: the account was deleted or disabled since its password was checked.
with updated_user as (
    update users
    set last_login_at = now()
    where id = :user_id and is_active
    returning id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
        is_verified, is_external, last_login_at, created_at, updated_at, version),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip)
    select :token_hash, id, now() + make_interval(days => :session_days), :user_agent, :ip
    from updated_user
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from updated_user u
cross join inserted_session s;

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

-- name: patch_me(user_id, version, changes)^
-- A merge patch as in tasks.patch. A changed e-mail has to be verified anew.
update users u
set (email, is_verified, username, name, first_name, last_name, bio, avatar_url, timezone) = (
    select p.email, u.is_verified and lower(p.email) = lower(u.email), p.username, p.name, p.first_name, p.last_name,
        p.bio, p.avatar_url, p.timezone
    from jsonb_populate_record(u, :changes::jsonb) p)
where u.id = :user_id
  and (:version::integer is null or u.version = :version)
returning u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone, u.role,
    u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version;

-- name: delete_me(user_id, version)!
-- Everything owned goes with it, by cascade.
delete from users
where id = :user_id
  and (:version::integer is null or version = :version);
