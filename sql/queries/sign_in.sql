-- name: begin(state_hash, provider, redirect, challenge, sealed, user_id, session_hash)!
-- A sign-in is under way, for ten minutes. user_id and session_hash are those of who links; null: nobody does.
insert into pending_sign_ins (state_hash, provider, redirect, challenge, sealed, user_id, session_hash, expires_at)
values (:state_hash, :provider, :redirect, :challenge, :sealed, :user_id, :session_hash, now() + interval '10 minutes');

-- name: take_state(state_hash, provider)^
-- tenant: none, the hash of 256 random bits names one sign-in
-- A state is taken once. No row: it was, or it has expired, is another provider's or nobody's.
with locked_sign_in as (
    select state_hash, redirect, sealed
    from pending_sign_ins
    where state_hash = :state_hash
      and provider = :provider
      and sealed is not null
      and expires_at > now()
    for update)
update pending_sign_ins p
set sealed = null
from locked_sign_in l
where p.state_hash = l.state_hash
returning l.redirect, l.sealed;

-- name: keep_identity(state_hash, code_hash, identity)!
-- tenant: none, the hash of 256 random bits names one sign-in
-- Who it is, for who has the code, for a minute. 0: whoever linked has deleted the account meanwhile.
update pending_sign_ins
set code_hash = :code_hash, identity = :identity::jsonb, expires_at = now() + interval '60 seconds'
where state_hash = :state_hash
  and sealed is null
  and code_hash is null;

-- name: spend_code(code_hash)^
-- tenant: none, the hash of 256 random bits names one sign-in
-- A code is spent by the first attempt, whatever comes of it. No row: it was, or it has expired, or is nobody's.
delete from pending_sign_ins
where code_hash = :code_hash
  and expires_at > now()
returning identity::text as identity, challenge, user_id, session_hash;

-- name: use_id_token(token_hash)!
-- Kept for longer than an ID token is taken for its age. 0: somebody has signed in with it before.
insert into used_id_tokens (token_hash, expires_at)
values (:token_hash, now() + interval '1 hour')
on conflict (token_hash) do nothing;

-- name: sign_in(provider, subject, email, token_hash, session_days, user_agent, ip, device_name)^
-- tenant: none, the provider says who it is, and the identity whose account that is
-- The usual sign-in: of an identity that is known. No row: it is not (any more), or its user is disabled. The user's row is
-- locked first and the identity's then, as whoever takes an identity away does: a session that slipped in meanwhile would stay.
with known_identity as (
    select user_id, id from identities where provider = :provider and subject = :subject),
updated_user as (
    update users u
    set last_login_at = now()
    from known_identity k
    where u.id = k.user_id and u.is_active
    returning u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone, u.role, u.is_guest,
        u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version),
updated_identity as (
    update identities i
    set email = :email
    from known_identity k
    join updated_user u on u.id = k.user_id
    where i.user_id = k.user_id and i.id = k.id
    returning i.user_id),
inserted_session as (
    insert into sessions (token_hash, user_id, expires_at, user_agent, ip, device_name)
    select :token_hash, user_id, now() + make_interval(days => :session_days), :user_agent, :ip, :device_name
    from updated_identity
    returning expires_at)
select s.expires_at, u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone,
    u.role, u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from updated_user u
cross join inserted_session s;

-- name: find_by_identity(provider, subject)^
-- tenant: none, the provider says who it is
-- Whose account an identity is. Both rows are locked until the end of the transaction: the account stays what it is said to be.
select u.id, u.role, u.is_guest, u.is_active, u.is_verified
from identities i
join users u on u.id = i.user_id
where i.provider = :provider and i.subject = :subject
for no key update of u, i;

-- name: find_by_session(user_id, session_hash)^
-- Who began to link, if the session is still there; locked as in find_by_identity.
select u.id, u.role, u.is_guest, u.is_active, u.is_verified
from users u
join sessions s on s.user_id = u.id
where u.id = :user_id
  and s.token_hash = :session_hash
  and s.expires_at > now()
for no key update of u
for key share of s;

-- name: find_by_email(email)^
-- tenant: none, the account of an address is looked for
-- Locked as in find_by_identity.
select id, role, is_guest, is_active, is_verified
from users
where normal_login(email) = normal_login(:email)
for no key update;

-- name: link(user_id, provider, subject, email)!
insert into identities (user_id, provider, subject, email) values (:user_id, :provider, :subject, :email);

-- name: complete(user_id, email, name, avatar_url)!
-- What an account has not yet, it gets from the provider: a name, a picture, an address that the provider has verified. A guest
-- is one no longer.
with clock as materialized (
    select now() as at)
update users u
set is_guest = false,
    is_external = u.is_external or u.is_guest,
    email = coalesce(u.email, :email),
    email_verified_at = case when u.email is null and :email is not null then c.at else u.email_verified_at end,
    name = coalesce(u.name, :name),
    avatar_url = coalesce(u.avatar_url, :avatar_url),
    updated_at = c.at
from clock c
where u.id = :user_id;

-- name: hand_over(user_id)$
-- The account goes to the owner of its address, who never had it: with all that is in it, and without what others could come in
-- by. Null: there is no such user.
with updated_user as (
    update users
    set password_hash = null, email_verified_at = now(), updated_at = now()
    where id = :user_id
    returning id),
deleted_identity as (
    delete from identities where user_id = :user_id)
select end_access(id, null, '{}') from updated_user;

-- name: end_access(user_id)$
-- The sessions and API tokens of a guest end. Null: there is no such user.
select end_access(id, null, '{}') from users where id = :user_id;

-- name: create_user(email, name, avatar_url)^
-- tenant: none, it makes the user
-- The address is one that the provider has verified, or null.
insert into users (email, email_verified_at, name, avatar_url, is_external)
values (:email, case when :email::text is not null then now() end, :name, :avatar_url, true)
returning id;

-- name: delete_expired_sign_ins(limit)!
-- tenant: none, it removes sign-ins that nobody has finished
delete from pending_sign_ins
where state_hash = any(array(
    select state_hash from pending_sign_ins where expires_at <= now() order by expires_at limit :limit));

-- name: delete_expired_id_tokens(limit)!
delete from used_id_tokens
where token_hash = any(array(
    select token_hash from used_id_tokens where expires_at <= now() order by expires_at limit :limit));
