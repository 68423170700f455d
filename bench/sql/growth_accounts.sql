-- What every account has beside its rows: a ledger of credits, a quota, and two devices that are signed in.
insert into credit_accounts (user_id, available, max_credits, last_seq) select id, 50, 50, 1 from users;
insert into credit_transactions (user_id, seq, type, amount, balance_after) select id, 1, 'allocate', 50, 50 from users;
insert into usage (user_id, tier, daily_limit, monthly_limit) select id, 'free', 10, 100 from users;
insert into consent_events (user_id, terms_accepted, terms_version, marketing_consent) select id, true, '1', false from users;
insert into storage_use (user_id, stored_bytes) select id, 0 from users;
insert into sessions (token_hash, user_id, expires_at, user_agent, ip)
select sha256(convert_to(id::text || n, 'UTF8')), id, now() + interval '30 days',
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', '203.0.113.7'
from users cross join generate_series(1, 2) n;
