-- name: begin(seconds)$
-- tenant: none, it reads no rows
select export_begin(:seconds) is null;

-- name: statements(entities, owner, is_own)
-- tenant: none, it reads no rows: what it gives are the texts of statements
select export_statement(entity::regclass, :owner, :is_own) as statement
from unnest(:entities::text[]) with ordinality as asked (entity, place)
order by place;

-- name: files_statement(owner)$
-- tenant: none, as statements
select export_files_statement(:owner);

-- name: user_named(email)$
-- tenant: none, operators export anybody's
select id from users where normal_login(email) = normal_login(:email);
