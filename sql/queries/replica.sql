-- name: written()$
-- tenant: none, it asks the server about itself
-- How far the write-ahead log goes, in bytes from its beginning: whatever was committed before this was asked lies before it.
-- A commit is answered once it is on the disk; where it need not be, what is in memory counts, which may stay there for 0.2 s.
select (
    case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end
    - '0/0'::pg_lsn)::bigint as written;

-- name: replayed()$
-- tenant: none, it asks the server about itself
-- How far a standby has replayed that log. Null: this is no standby, or not any more.
select case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint end as replayed;
