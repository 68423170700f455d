-- name: account(user_id)^
-- A due reset is applied; once, however many ask at the same time. No row: there is no account yet.
with due_account as (
    select user_id, available, max_credits, last_seq, greatest(max_credits - available, 0) as refill
    from credit_accounts
    where user_id = :user_id
      and last_reset_at + make_interval(hours => reset_hours) <= now()
    for update),
refilled_account as (
    update credit_accounts a
    set available = d.available + d.refill,
        last_seq = d.last_seq + (d.refill > 0)::integer,
        last_reset_at = now()
    from due_account d
    where a.user_id = :user_id and d.user_id = a.user_id
    returning a.user_id, a.available, a.max_credits, a.last_seq, a.last_reset_at, a.reset_hours),
written_transaction as (
    insert into credit_transactions (user_id, seq, type, amount, balance_after)
    select a.user_id, d.last_seq + 1, 'reset', d.refill, d.available + d.refill
    from credit_accounts a
    join due_account d on d.user_id = a.user_id
    where a.user_id = :user_id and d.refill > 0)
select available, max_credits, reset_hours is null as is_guest,
    last_reset_at + make_interval(hours => reset_hours) as resets_at
from refilled_account
union all
select available, max_credits, reset_hours is null,
    last_reset_at + make_interval(hours => reset_hours)
from credit_accounts
where user_id = :user_id and not exists (select 1 from due_account);

-- name: reset(user_id)^
-- Fills an account up before it is due, a guest's too; what is more than max_credits stays. The next reset is counted from
-- now. No row: there is no account yet.
with locked_account as (
    select user_id, available, last_seq, greatest(max_credits - available, 0) as refill
    from credit_accounts
    where user_id = :user_id
    for update),
written_transaction as (
    insert into credit_transactions (user_id, seq, type, amount, balance_after)
    select a.user_id, l.last_seq + 1, 'reset', l.refill, l.available + l.refill
    from credit_accounts a
    join locked_account l on l.user_id = a.user_id
    where a.user_id = :user_id and l.refill > 0),
updated_account as (
    update credit_accounts a
    set available = l.available + l.refill,
        last_seq = l.last_seq + (l.refill > 0)::integer,
        last_reset_at = now()
    from locked_account l
    where a.user_id = :user_id and l.user_id = a.user_id
    returning a.available, a.max_credits, a.reset_hours, a.last_reset_at)
select available, max_credits, reset_hours is null as is_guest,
    last_reset_at + make_interval(hours => reset_hours) as resets_at
from updated_account;

-- name: open_account(user_id, guest_credits, registered_credits, reset_hours)!
-- Makes the account at its first use, with what a guest or a registered user begins with. 0: it was there.
with opened_account as (
    insert into credit_accounts (user_id, available, max_credits, last_seq, reset_hours)
    select id, case when is_guest then :guest_credits::integer else :registered_credits::integer end,
        case when is_guest then :guest_credits::integer else :registered_credits::integer end, 1,
        case when is_guest then null else :reset_hours::integer end
    from users
    where id = :user_id
    on conflict (user_id) do nothing
    returning user_id, available)
insert into credit_transactions (user_id, seq, type, amount, balance_after)
select user_id, 1, 'allocate', available, available
from opened_account;

-- name: register_account(user_id, registered_credits, reset_hours)!
-- A guest became a registered user: filled up once to what registered users have, and from now on regularly.
-- 0: there was no guest's account, it will be made at its first use; or nothing was missing.
with locked_account as (
    select user_id, available, last_seq, greatest(:registered_credits::integer - available, 0) as missing
    from credit_accounts
    where user_id = :user_id and reset_hours is null
    for update),
updated_account as (
    update credit_accounts a
    set available = l.available + l.missing,
        max_credits = :registered_credits::integer,
        last_seq = l.last_seq + (l.missing > 0)::integer,
        last_reset_at = now(),
        reset_hours = :reset_hours::integer
    from locked_account l
    where a.user_id = :user_id and l.user_id = a.user_id)
insert into credit_transactions (user_id, seq, type, amount, balance_after)
select user_id, last_seq + 1, 'allocate', missing, available + missing
from locked_account
where missing > 0;

-- name: deduct(user_id, amount, description, idempotency_key)^
-- A due reset and the deduction under one row lock. replayed: the key came before, and this is its first answer. No row, or
-- a violation of credit_transactions_idempotency_key_unique: ask deduction_outcome(), the second and last trip. There the
-- key is read again: the snapshot of this statement may miss a concurrent duplicate that took the last credit.
with replayed_transaction as (
    select seq, type, amount, balance_after, description, idempotency_key, refunds_seq, created_at
    from credit_transactions
    where user_id = :user_id and idempotency_key = :idempotency_key),
locked_account as (
    select user_id, available, last_seq, last_reset_at, max_credits, now() as at,
        last_reset_at + make_interval(hours => reset_hours) <= now() is true as reset_due
    from credit_accounts
    where user_id = :user_id and not exists (select 1 from replayed_transaction)
    for update),
refilled_account as (
    select user_id, available, last_seq, last_reset_at, at, reset_due,
        case when reset_due then greatest(max_credits - available, 0) else 0 end as refill
    from locked_account),
charged_account as (
    select user_id, last_seq, last_reset_at, at, reset_due, refill,
        available + refill as balance, available + refill >= :amount::integer as enough
    from refilled_account),
updated_account as (
    update credit_accounts a
    set available = c.balance - case when c.enough then :amount::integer else 0 end,
        last_seq = c.last_seq + (c.refill > 0)::integer + c.enough::integer,
        last_reset_at = case when c.reset_due then c.at else c.last_reset_at end
    from charged_account c
    where a.user_id = :user_id and c.user_id = a.user_id and (c.enough or c.reset_due)
    returning a.user_id),
written_transaction as (
    insert into credit_transactions as t (user_id, seq, type, amount, balance_after, description, idempotency_key)
    select a.user_id, l.seq, l.type, l.amount, l.balance_after, l.description, l.idempotency_key
    from credit_accounts a
    join (
        select user_id, last_seq + 1 as seq, 'reset' as type, refill as amount, balance as balance_after,
            null as description, null as idempotency_key
        from charged_account
        where refill > 0
        union all
        select user_id, last_seq + (refill > 0)::integer + 1, 'deduct', -:amount::integer, balance - :amount::integer,
            :description::text, :idempotency_key::text
        from charged_account
        where enough) l on l.user_id = a.user_id
    where a.user_id = :user_id
    returning t.seq, t.type, t.amount, t.balance_after, t.description, t.idempotency_key, t.refunds_seq, t.created_at)
select false as replayed, seq, type, amount, balance_after, description, idempotency_key, refunds_seq, created_at
from written_transaction
where type = 'deduct'
union all
select true, seq, type, amount, balance_after, description, idempotency_key, refunds_seq, created_at
from replayed_transaction;

-- name: deduction_outcome(user_id, idempotency_key)^
-- Why nothing was deducted. No row: there is no account yet. A null seq: there was not enough. A seq: what the key did first.
select a.available, a.max_credits, a.reset_hours is null as is_guest,
    a.last_reset_at + make_interval(hours => a.reset_hours) as resets_at,
    t.seq, t.type, t.amount, t.balance_after, t.description, t.idempotency_key, t.refunds_seq, t.created_at
from credit_accounts a
-- No key is empty. Of a null Citus would see that nothing is joined, and refuse.
left join credit_transactions t on t.user_id = a.user_id and t.idempotency_key = coalesce(:idempotency_key, '')
where a.user_id = :user_id;

-- name: refund(user_id, transaction_seq, amount, description)^
-- Returns a deduction, or a part of it, to the account; a null amount: all. No row: there is no such deduction, it took less,
-- or it was returned before (then, if the other refund is not in this snapshot, credit_transactions_refunds_seq_unique breaks).
with found_deduction as (
    select d.user_id, d.seq, coalesce(:amount::integer, -d.amount) as amount
    from credit_transactions d
    where d.user_id = :user_id and d.seq = :transaction_seq and d.type = 'deduct'
      and coalesce(:amount::integer, -d.amount) <= -d.amount
      and not exists (
          select 1 from credit_transactions r where r.user_id = :user_id and r.refunds_seq = :transaction_seq)),
updated_account as (
    update credit_accounts a
    set available = a.available + d.amount, last_seq = a.last_seq + 1
    from found_deduction d
    where a.user_id = :user_id and d.user_id = a.user_id
    returning a.user_id, a.available, a.last_seq)
insert into credit_transactions (user_id, seq, type, amount, balance_after, description, refunds_seq)
select a.user_id, a.last_seq, 'refund', d.amount, a.available, :description, d.seq
from updated_account a
join found_deduction d on d.user_id = a.user_id
returning seq, type, amount, balance_after, description, idempotency_key, refunds_seq, created_at;

-- name: taken(user_id, transaction_seq)$
-- What a deduction took; null: there is no such deduction.
select -amount as taken
from credit_transactions
where user_id = :user_id and seq = :transaction_seq and type = 'deduct';

-- name: grant(user_id, amount, description, idempotency_key)^
-- More for an account. No row: there is no account yet. A key that came before breaks
-- credit_transactions_idempotency_key_unique.
with updated_account as (
    update credit_accounts
    set available = available + :amount::integer, last_seq = last_seq + 1
    where user_id = :user_id
    returning user_id, available, last_seq)
insert into credit_transactions (user_id, seq, type, amount, balance_after, description, idempotency_key)
select user_id, last_seq, 'grant', :amount::integer, available, :description, :idempotency_key
from updated_account
returning seq, type, amount, balance_after, description, idempotency_key, refunds_seq, created_at;

-- name: page_transactions(user_id, after_seq, limit)
-- Newest first, each as JSON. after_seq is the seq of the last one of the previous page.
select row_to_json(entry)::text as json
from (
    select seq, type, amount, balance_after, description, idempotency_key, refunds_seq, rfc3339(created_at) as created_at
    from credit_transactions
    where user_id = :user_id and seq < :after_seq
    order by seq desc
    limit :limit) entry;

-- name: broken_accounts()
-- tenant: none, it proves the ledger of every account
-- plan: exempt, it reads every row, because it proves every row
-- Accounts whose ledger does not add up: the balance is the sum, each balance_after is the sum so far, the sequence has no
-- gap and begins with 1 or with a checkpoint. None is the only right answer.
select a.user_id
from credit_accounts a
left join (
    select user_id, sum(amount) as total, max(seq) as last_seq, bool_and(balance_after = running) as adds_up,
        bool_and(seq = first_seq + place - 1) as gapless,
        bool_and(place > 1 or seq = 1 or type = 'checkpoint') as begins_well
    from (
        select user_id, seq, type, amount, balance_after,
            sum(amount) over (partition by user_id order by seq) as running,
            row_number() over (partition by user_id order by seq) as place,
            min(seq) over (partition by user_id) as first_seq
        from credit_transactions) entry
    group by user_id) ledger on ledger.user_id = a.user_id
where a.available <> coalesce(ledger.total, 0)
   or a.last_seq <> coalesce(ledger.last_seq, 0)
   or ledger.adds_up is false
   or ledger.gapless is false
   or ledger.begins_well is false
union all
select distinct t.user_id
from credit_transactions t
where not exists (select 1 from credit_accounts a where a.user_id = t.user_id);

-- name: fold_transactions(days, limit)$
-- tenant: none, it folds the ledgers of every user
-- plan: exempt, it reads the ledgers that it folds
-- What is older than so many days becomes one checkpoint per account, with the sum in its place: at most limit rows of at
-- most limit accounts at a time, and the checkpoint before them. The times of an account's rows are not quite in the order of
-- seq, because a transaction that waited for the account began earlier. So an account is folded up to its first younger row.
with due_account as (
    select distinct user_id
    from (
        select user_id
        from credit_transactions
        where type <> 'checkpoint' and created_at < now() - make_interval(days => :days::integer)
        order by created_at
        limit :limit) old),
bounded_account as (
    select d.user_id, least(b.first_seq + :limit::integer, coalesce(b.young_seq, b.last_seq + 1)) as end_seq
    from due_account d
    cross join lateral (
        select min(seq) filter (where type <> 'checkpoint') as first_seq, max(seq) as last_seq,
            min(seq) filter (where created_at >= now() - make_interval(days => :days::integer)) as young_seq
        from credit_transactions t
        where t.user_id = d.user_id) b),
folded_transaction as (
    delete from credit_transactions t
    using bounded_account b
    where t.user_id = b.user_id and t.seq < b.end_seq
    returning t.user_id, t.seq, t.type, t.amount, t.created_at),
written_checkpoint as (
    insert into credit_transactions (user_id, seq, type, amount, balance_after, created_at)
    select user_id, max(seq), 'checkpoint', sum(amount), sum(amount), max(created_at)
    from folded_transaction
    group by user_id)
select count(*) from folded_transaction where type <> 'checkpoint';

-- name: fold_transactions_distributed(days, limit)$
-- tenant: none, it folds the ledgers of every user
-- plan: exempt, it reads the ledgers that it folds
-- As fold_transactions(), worker by worker.
with due_account as (
    select distinct user_id
    from (
        select user_id
        from credit_transactions
        where type <> 'checkpoint' and created_at < now() - make_interval(days => :days::integer)
        order by created_at
        limit :limit) old),
bounded_account as (
    select t.user_id, least(
            min(t.seq) filter (where t.type <> 'checkpoint') + :limit::integer,
            coalesce(
                min(t.seq) filter (where t.created_at >= now() - make_interval(days => :days::integer)),
                max(t.seq) + 1)) as end_seq
    from due_account d
    join credit_transactions t on t.user_id = d.user_id
    group by t.user_id),
folded_transaction as (
    delete from credit_transactions t
    using bounded_account b
    where t.user_id = b.user_id and t.seq < b.end_seq
    returning t.user_id, t.seq, t.type, t.amount, t.created_at),
written_checkpoint as (
    insert into credit_transactions (user_id, seq, type, amount, balance_after, created_at)
    select user_id, max(seq), 'checkpoint', sum(amount), sum(amount), max(created_at)
    from folded_transaction
    group by user_id)
select count(*) from folded_transaction where type <> 'checkpoint';
