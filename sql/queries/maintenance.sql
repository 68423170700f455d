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
select database_bytes();

-- name: table_sizes()
-- tenant: none, it reads the catalog
-- By the files of each: milliseconds whatever their size, on a cluster about one for each table and server.
select entity::text as name, bytes_of_rows as rows, bytes_of_indexes as indexes from table_sizes() order by entity::text;
