-- name: is_my_turn()$
-- tenant: none, an advisory lock of the whole database
-- One process at a time maintains; the lock goes with the transaction, whatever happens.
select pg_try_advisory_xact_lock(7301204518);

-- name: wait_briefly()$
-- tenant: none, it reads no rows
-- Until the end of the transaction.
select set_config('lock_timeout', '100ms', true);

-- name: database_size()$
-- tenant: none, it asks the server about itself
select pg_database_size(current_database());

-- name: table_sizes()
-- tenant: none, it reads the catalog
-- By the files of each: whatever their size it takes milliseconds.
select c.relname as name, pg_table_size(c.oid) as rows, pg_indexes_size(c.oid) as indexes
from pg_class c
where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
order by c.relname;
