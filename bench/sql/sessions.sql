-- One session per user. $1: hashes of tokens, $2: users.
insert into sessions (token_hash, user_id, expires_at)
select token_hash, user_id, now() + interval '30 days'
from unnest($1::bytea[], $2::uuid[]) as s (token_hash, user_id);
