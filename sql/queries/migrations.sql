-- name: try_lock(key)$
-- tenant: none, an advisory lock of the whole database
-- Asked again and again: waiting inside pg_advisory_lock would hold a snapshot, and "create index concurrently" waits
-- for every snapshot to go.
select pg_try_advisory_lock(:key::bigint);

-- name: unlock(key)$
-- tenant: none, an advisory lock of the whole database
select pg_advisory_unlock(:key::bigint);

-- name: has_versions()$
-- tenant: none, it asks the catalog
-- False on a database where nothing was ever migrated.
select to_regclass('schema_migrations') is not null;

-- name: versions()
-- tenant: none, it reads dbmate's own table
select version from schema_migrations order by version;

-- name: can_be_distributed()$
-- tenant: none, it asks the catalog
-- False on a schema from before there was such a function.
select to_regprocedure('is_distributed()') is not null;

-- name: is_distributed()$
-- tenant: none, it asks the catalog
select is_distributed();

-- name: invalid_indexes()
-- tenant: none, it reads the catalog
-- What a failed "create index concurrently" leaves: it costs every write and serves no read.
select indexrelid::regclass::text as name from pg_index where not indisvalid order by name;

-- name: can_analyze_new_tables()$
-- tenant: none, it asks the catalog
-- False on a schema from before there was such a function.
select to_regprocedure('analyze_new_tables()') is not null;

-- name: analyze_new_tables()$
-- tenant: none, it looks at the tables themselves
-- How many tables had rows and no statistics; now they have.
select analyze_new_tables();
