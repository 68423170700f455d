-- name: enqueue(user_id, kind, address, language, detail)!
-- In the transaction of what it is about: then it is sent if, and only if, that has happened. Of a reset nobody knows yet whose
-- it is. A newer mail with a link takes the place of one that waits: two could be sent in either order, and the link of the
-- later one alone works.
with deleted_mail as (
    delete from outgoing_mails
    where user_id = :user_id and kind = :kind and kind in ('verification', 'email_change'))
insert into outgoing_mails (user_id, kind, address, language, detail)
values (:user_id, :kind, :address, :language, :detail::text::jsonb);

-- name: claim(limit, lease_seconds)
-- tenant: none, the sender takes what is due, whose ever it is
-- Its locks end with the statement: while a server is talked to, what keeps others away is that it is due later. A sender that
-- dies meanwhile has lost nothing: it is due again then.
with due_mail as (
    select id
    from outgoing_mails
    where given_up_at is null and due_at <= now()
    order by due_at
    limit :limit
    for update skip locked),
claimed_mail as (
    update outgoing_mails m
    set due_at = now() + make_interval(secs => :lease_seconds), attempts = m.attempts + 1
    from due_mail d
    where m.id = d.id
    returning m.id, m.kind, m.address, m.language, m.detail, m.attempts, m.created_at)
select id, kind, address, language, detail::text as detail, attempts, created_at,
    created_at < now() - interval '1 day' as is_old
from claimed_mail;

-- name: link_for_user(id, token_hash, seconds)^
-- tenant: none, the mail says whose it is
-- Make the token of a mail that confirms an address. No row: nobody is to get it any more. end_access() waits for the lock of
-- the mail, and then sees the token.
with locked_mail as (
    select user_id, kind, address from outgoing_mails where id = :id for key share),
reader as (
    select u.id, m.kind, m.address
    from locked_mail m
    join users u on u.id = m.user_id
    where u.is_active and not u.is_guest
      and (m.kind = 'email_change' or u.email = m.address and u.email_verified_at is null)),
upserted_token as (
    insert into mail_tokens as t (user_id, purpose, token_hash, email, expires_at)
    select id, kind, :token_hash, address, now() + make_interval(secs => :seconds)
    from reader
    on conflict (user_id, purpose) do update
    set token_hash = excluded.token_hash, email = excluded.email, expires_at = excluded.expires_at)
select address, address as name from reader;

-- name: link_for_address(id, token_hash, seconds)^
-- tenant: none, who has the address is found out here
-- Make the token of a reset, for the account that has the address. It goes to the address as the account has it: what was typed
-- may have the same normal form and be another mailbox. No row: there is no such account, or it cannot sign in.
with locked_mail as (
    select address from outgoing_mails where id = :id for key share),
reader as (
    select u.id, u.email, case when u.is_verified then u.name end as name
    from locked_mail m
    join users u on normal_login(u.email) = normal_login(m.address)
    where u.is_active and not u.is_guest),
upserted_token as (
    insert into mail_tokens as t (user_id, purpose, token_hash, email, expires_at)
    select id, 'password_reset', :token_hash, email, now() + make_interval(secs => :seconds)
    from reader
    on conflict (user_id, purpose) do update
    set token_hash = excluded.token_hash, email = excluded.email, expires_at = excluded.expires_at)
select email as address, coalesce(nullif(name, ''), email) as name from reader;

-- name: reader(id)^
-- tenant: none, the mail says whose it is
-- Who gets a mail without a link. Their name only at an address that they have confirmed: elsewhere it would be a text that a
-- stranger chose.
select m.address, coalesce(nullif(case when u.is_verified and u.email = m.address then u.name end, ''), m.address) as name
from outgoing_mails m
join users u on u.id = m.user_id
where m.id = :id and u.is_active;

-- name: delete_sent(id)!
-- tenant: none, the sender knows it by its id
delete from outgoing_mails where id = :id;

-- name: postpone(id, seconds, failure)!
-- tenant: none, the sender knows it by its id
update outgoing_mails
set due_at = now() + make_interval(secs => :seconds), failure = :failure
where id = :id and given_up_at is null;

-- name: give_back(ids)!
-- tenant: none, the sender knows them by their ids
-- Claimed and not tried, by a worker that ends: another one may take them at once.
update outgoing_mails
set due_at = now(), attempts = attempts - 1
where id = any(:ids::uuid[]);

-- name: give_up(id, failure)!
-- tenant: none, the sender knows it by its id
update outgoing_mails set given_up_at = now(), failure = :failure where id = :id;

-- name: can_be_written()$
-- tenant: none, it reads the catalog
select to_regclass('outgoing_mails') is not null;

-- name: state()^
-- tenant: none, it counts, for metrics and doctor
-- plan: exempt, what is here is sent within seconds, or goes within days
select count(*) filter (where given_up_at is null) as waiting, count(*) filter (where given_up_at is not null) as given_up,
    coalesce(extract(epoch from now() - min(created_at) filter (where given_up_at is null)), 0)::float8 as oldest_seconds
from outgoing_mails;

-- name: failures(limit)
-- tenant: none, it counts, for doctor
-- plan: exempt, as state()
select failure as code, count(*) as mails
from outgoing_mails
where failure is not null
group by failure
order by mails desc, failure
limit :limit;

-- name: delete_old(limit)!
-- tenant: none, it removes what was given up, whose ever it was
-- plan: exempt, as state()
-- A week after it was given up; or after nine days, where no sender runs that would give it up.
delete from outgoing_mails
where id in (
    select id
    from outgoing_mails
    where given_up_at < now() - interval '7 days' or created_at < now() - interval '9 days'
    limit :limit);
