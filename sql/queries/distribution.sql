-- name: lock(key)$
-- tenant: none, an advisory lock of the whole database
-- Until the end of the transaction. False: a process migrates, or distributes.
select pg_try_advisory_xact_lock(:key::bigint);

-- name: nodes()
-- tenant: none, it asks the cluster about itself
select name, port, is_coordinator, has_shards, is_active, is_reachable from cluster_nodes();

-- name: tables()
-- tenant: none, it reads the catalog
select entity::text as name, placement, is_placed, bytes from placed_tables() order by entity::text;

-- name: distribute()$
-- tenant: none, it moves the rows of every user
with moved as materialized (
    select distribute_tables()::text as done)
select use_functions_of_shards()::text || done from moved;

-- name: set_options()$
-- tenant: none, it is about the tables themselves
-- In a transaction of its own: it reaches the shards through other connections.
select set_options_of_shards()::text;

-- name: undistribute()$
-- tenant: none, it moves the rows of every user
with moved as materialized (
    select undistribute_tables()::text as done)
select use_functions_of_tables()::text || done from moved;
