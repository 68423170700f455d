-- Ten thousand sessions that maintenance will find expired.
insert into sessions (token_hash, user_id, created_at, expires_at)
select sha256(convert_to(u.id::text || n || clock_timestamp(), 'UTF8')), u.id, now() - interval '31 days', now() - interval '1 day'
from (select id from users order by id limit 100) u cross join generate_series(1, 100) n;
