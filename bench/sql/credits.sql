-- Enough to spend; the ledger begins with it, so that it adds up.
insert into credit_accounts (user_id, available, max_credits, last_seq)
select id, 1000000000, 1000000000, 1 from users;
insert into credit_transactions (user_id, seq, type, amount, balance_after)
select id, 1, 'allocate', 1000000000, 1000000000 from users;
vacuum analyze;
checkpoint;
