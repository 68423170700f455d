-- name: page_users(q, after, limit, bytes)
-- tenant: none, an admin looks for accounts
-- plan: exempt, a search in the middle of names reads every account; there are few, and few admins
-- Newest first, each as JSON. q is a part of the e-mail, the user name or the name, in any letter case; null: every user.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(account)::text as json
    from (
        select id, email, username, name, first_name, last_name, bio, avatar_url, timezone, role, is_guest, is_active,
            is_verified, is_external, rfc3339(last_login_at) as last_login_at, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from users
        where id < :after
          and (:q::text is null
            or position(lower(:q) in lower(concat_ws(' ', email, username, name, first_name, last_name))) > 0)
        order by id desc
        limit :limit) account
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: patch_user(user_id, versions, changes)^
-- A merge patch as in tasks.patch, of what only an admin can change. With is_active end the sessions, as in accounts.disable;
-- of an active user those of nobody.
with clock as materialized (
    select now() as at),
updated_user as (
    update users u
    set (role, is_active, email_verified_at) = (
        select p.role, p.is_active, case when p.is_verified then coalesce(u.email_verified_at, c.at) end
        from jsonb_populate_record(u, :changes::jsonb) p), updated_at = c.at
    from clock c
    where u.id = :user_id
      and (:versions::int8multirange is null or u.version <@ :versions)
    returning u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone, u.role,
        u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version)
select u.id, u.email, u.username, u.name, u.first_name, u.last_name, u.bio, u.avatar_url, u.timezone, u.role,
    u.is_guest, u.is_active, u.is_verified, u.is_external, u.last_login_at, u.created_at, u.updated_at, u.version
from updated_user u
cross join end_sessions(case when not u.is_active then u.id end) ended;

-- name: counts(user_id)^
-- How often a user is signed in, how many API tokens are live, and how often they said what they agree to.
select (select count(*) from sessions where user_id = :user_id and expires_at > now()) as sessions,
    (select count(*) from api_tokens where user_id = :user_id and (expires_at > now() or expires_at is null)) as api_tokens,
    (select count(*) from consent_events where user_id = :user_id) as consents
from users
where id = :user_id;

-- name: link_identity(user_id, provider, subject, any_role)^
-- No row: there is no such user, or one with a role and any_role is false. Another account's identity, or one that is this
-- user's already, breaks identities_subject_unique.
insert into identities (user_id, provider, subject)
select id, :provider, :subject
from users
where id = :user_id and (:any_role::boolean or role = 'user')
returning id, provider, subject, email, created_at;

-- name: identity(user_id, provider, subject, any_role)^
-- batch: none, it is asked for when an identity is linked
-- No row: it is not this user's, or this is a user with a role and any_role is false.
select i.id, i.provider, i.subject, i.email, i.created_at
from identities i
join users u on u.id = i.user_id
where i.user_id = :user_id and i.provider = :provider and i.subject = :subject and (:any_role::boolean or u.role = 'user');

-- name: end_guest(user_id)!
-- An identity by which a guest can sign in makes them a user; everything they have stays. 0: not a guest.
update users
set is_guest = false, is_external = true, updated_at = now()
where id = :user_id and is_guest;

-- name: page_audit_events(from_id, after, limit)
-- The whole trail, newest first, each event as JSON. The ids are the times: from_id is the first one of a day.
select row_to_json(event)::text as json
from (
    select id, actor_id, acting_for, action, left(target, 800) as target,
        (select row_to_json(d) from (select detail ->> 'request_id' as request_id where detail is not null) d) as detail,
        rfc3339(created_at) as created_at
    from audit_events
    where id < :after
      and id >= :from_id
    order by id desc
    limit :limit) event;

-- name: page_audit_events_by(actor, from_id, after, limit)
-- As page_audit_events: what an actor did.
select row_to_json(event)::text as json
from (
    select id, actor_id, acting_for, action, left(target, 800) as target,
        (select row_to_json(d) from (select detail ->> 'request_id' as request_id where detail is not null) d) as detail,
        rfc3339(created_at) as created_at
    from audit_events
    where actor_id = :actor
      and id < :after
      and id >= :from_id
    order by id desc
    limit :limit) event;

-- name: page_audit_events_at(target, actor, from_id, after, limit)
-- As page_audit_events: what was asked for at a path. A null actor: by whomever.
select row_to_json(event)::text as json
from (
    select id, actor_id, acting_for, action, left(target, 800) as target,
        (select row_to_json(d) from (select detail ->> 'request_id' as request_id where detail is not null) d) as detail,
        rfc3339(created_at) as created_at
    from audit_events
    where left(target, 200) = left(:target, 200)
      and target = :target
      and (:actor::uuid is null or actor_id = :actor)
      and id < :after
      and id >= :from_id
    order by id desc
    limit :limit) event;

-- name: page_audit_events_about(user_id, actor, from_id, after, limit)
-- As page_audit_events_at: what was done to or for a user, who may be gone.
select row_to_json(event)::text as json
from (
    select id, actor_id, acting_for, action, left(target, 800) as target,
        (select row_to_json(d) from (select detail ->> 'request_id' as request_id where detail is not null) d) as detail,
        rfc3339(created_at) as created_at
    from audit_events
    where audited_user(acting_for, target) = :user_id
      and (:actor::uuid is null or actor_id = :actor)
      and id < :after
      and id >= :from_id
    order by id desc
    limit :limit) event;
