-- What decides how honest the writes are, and how fast the reads.
select name, current_setting(name) as value
from pg_settings
where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'shared_buffers', 'wal_sync_method', 'jit',
    'max_connections', 'server_version')
order by name;
