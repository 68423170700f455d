-- name: server()^
-- tenant: none, it asks the server about itself
-- sslmode is seen from the server: whether this very connection is encrypted; local: through a Unix socket.
-- may_use: there is no current schema when none of the search path may be used.
-- knows_letters: in the locale C lower() leaves letters beyond ASCII as they are.
select current_setting('server_version_num')::integer as version,
    current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer as connections,
    coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
    inet_server_addr() is null as local,
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as read_only,
    (select rolsuper from pg_roles where rolname = current_user) as superuser,
    current_schema() is not null as may_use,
    coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create,
    current_setting('server_encoding') as encoding,
    lower('É') = 'é' as knows_letters;

-- name: unusable_tables()
-- tenant: none, it reads the catalog
-- Tables of ours that the role may not fully use.
select c.relname as name
from pg_class c
where c.relnamespace = current_schema()::regnamespace
  and c.relkind = 'r'
  and not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
      and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))
order by c.relname;

-- name: replication()^
-- tenant: none, it asks the server about itself
-- system: the same for a primary and all its standbys. receives: it streams from its primary now, whoever may look at how.
-- is_awaited: commits wait for a standby.
select pg_is_in_recovery() as is_standby,
    (select system_identifier::text from pg_control_system()) as system,
    exists (select from pg_stat_wal_receiver) as receives,
    current_setting('synchronous_standby_names') <> '' as is_awaited;
