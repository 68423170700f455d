-- name: backend_pid()$
-- tenant: none, it asks the server about itself
select pg_backend_pid();

-- name: has_statement(name)$
-- tenant: none, it asks the server about itself
-- Whether a prepared statement has the name by which we know it. A pooler that keeps track of them gives them names of its own.
select exists (select from pg_prepared_statements where name = :name);

-- name: settings_in_force(names)
-- tenant: none, it asks the server about itself
select name, setting from pg_settings where name = any(:names::text[]) order by name;
