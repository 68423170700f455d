-- $1: the hash of everyone's password, $2: how many users.
insert into users (email, name, password_hash)
select format('reader-%s@bench.example', n), format('Reader %s', n), $1
from generate_series(1, $2::integer) n
returning id, email;
