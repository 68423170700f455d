-- name: current(user_id)^
select id, terms_accepted, terms_version, marketing_consent, source, created_at
from consent_events
where user_id = :user_id
order by id desc
limit 1;

-- name: record(user_id, terms_accepted, terms_version, marketing_consent, source)^
-- Another event; is_first: the user's first. No row: it is what the user said last, and said again. accounts.lock() comes
-- first: what one says comes after what was said before.
with newest_event as materialized (
    select id
    from consent_events
    where user_id = :user_id
    order by id desc
    limit 1),
inserted_event as (
    insert into consent_events (user_id, terms_accepted, terms_version, marketing_consent, source)
    select id, :terms_accepted::boolean, :terms_version::text, :marketing_consent::boolean, :source::text
    from users
    where id = :user_id
      and not exists (
          select 1
          from (
              select terms_accepted, terms_version, marketing_consent, source
              from consent_events
              where user_id = :user_id
              order by id desc
              limit 1) newest
          where (terms_accepted, marketing_consent) = (:terms_accepted::boolean, :marketing_consent::boolean)
            and terms_version is not distinct from :terms_version::text
            and source is not distinct from :source::text)
    returning id, terms_accepted, terms_version, marketing_consent, source, created_at)
select id, terms_accepted, terms_version, marketing_consent, source, created_at,
    not exists (select 1 from newest_event) as is_first
from inserted_event;

-- name: page_history(user_id, after, limit)
-- Newest first, each as JSON.
select row_to_json(event)::text as json
from (
    select id, terms_accepted, terms_version, marketing_consent, source, rfc3339(created_at) as created_at
    from consent_events
    where user_id = :user_id and id < :after
    order by id desc
    limit :limit) event;

-- name: page_current_distributed(after, limit)
-- tenant: none, as page_current()
-- plan: exempt, as page_current()
-- Each worker gives its users' events by their keys.
select row_to_json(consent)::text as json
from (
    select distinct on (user_id) user_id as id, terms_accepted, terms_version, marketing_consent, source,
        rfc3339(created_at) as created_at
    from consent_events
    where user_id < :after
    order by user_id desc, consent_events.id desc
    limit :limit) consent;

-- name: page_current(after, limit)
-- tenant: none, an admin reads what every user agreed to
-- plan: exempt, it walks over users, and some of them have no event
-- The current consent of every user who has an event, newest user first, each as JSON.
select row_to_json(consent)::text as json
from (
    select u.id, e.terms_accepted, e.terms_version, e.marketing_consent, e.source,
        rfc3339(e.created_at) as created_at
    from users u
    cross join lateral (
        select terms_accepted, terms_version, marketing_consent, source, created_at
        from consent_events
        where user_id = u.id
        order by id desc
        limit 1) e
    where u.id < :after
    order by u.id desc
    limit :limit) consent;
