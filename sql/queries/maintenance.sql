-- name: is_my_turn()$
-- tenant: none, an advisory lock of the whole database
-- One process at a time maintains; the lock goes with the transaction, whatever happens.
select pg_try_advisory_xact_lock(7301204518);

-- name: delete_expired_sessions(limit)!
-- tenant: none, it ends what time has ended, of every user
-- plan: exempt, an index on expires_at would be written at every use of every session, for this alone
delete from sessions
where token_hash in (select token_hash from sessions where expires_at <= now() limit :limit);

-- name: delete_expired_tokens(limit)!
-- tenant: none, it removes what time has ended, of every user
-- plan: exempt, there are few API tokens
-- Only long after their end: their owner shall see why they fail.
delete from api_tokens
where token_hash in (select token_hash from api_tokens where expires_at <= now() - interval '90 days' limit :limit);

-- name: delete_past_windows(limit)!
-- tenant: none, it counts addresses and login names, before anyone is known
-- The longest window is an hour.
delete from rate_limits
where (bucket, window_start) in (
    select bucket, window_start from rate_limits where window_start < now() - interval '2 hours' limit :limit);

-- name: delete_expired_answers(limit)!
-- tenant: none, the query cache belongs to nobody
delete from query_cache
where query_hash in (select query_hash from query_cache where expires_at <= now() limit :limit);

-- name: fold_transactions(days, limit)$
-- tenant: none, it folds the ledgers of every user
-- plan: exempt, it reads the ledgers that it folds
-- What is older than so many days becomes one checkpoint per account, with the sum in its place: at most limit rows of at
-- most limit accounts at a time, and the checkpoint before them. Rows of one account follow each other, but their times may not, quite: a transaction that
-- waited for the account was begun earlier. So an account is folded up to its first row that is younger, or a checkpoint.
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
