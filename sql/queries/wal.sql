-- name: archiver()^
-- tenant: none, it asks the server about itself
-- archive_mode is that of the running server, which may have been started without the setting.
-- is_failing: the last thing that the archiver did was to fail.
select current_setting('archive_mode') <> 'off' as is_on,
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as is_failing,
    (select count(*) from pg_ls_archive_statusdir() where name like '%.ready') as waiting,
    (select coalesce(sum(size), 0)::bigint from pg_ls_waldir()) as wal_bytes,
    last_archived_time
from pg_stat_archiver;

-- name: replayed_until()$
-- tenant: none, it asks the server about itself
-- The time of the last transaction that the recovery of this server has replayed; null where there was none.
select pg_last_xact_replay_timestamp() as time;
