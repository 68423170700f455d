-- name: begin()$
-- tenant: none, it reads no rows
-- The same row is the same text in every session: of times, dates and bytes, too. Until the end of the transaction.
-- Counting takes one core and no more: the others are those of a server that is in use.
select set_config('timezone', 'UTC', true) || set_config('datestyle', 'ISO, YMD', true)
    || set_config('intervalstyle', 'postgres', true) || set_config('bytea_output', 'hex', true)
    || set_config('extra_float_digits', '1', true) || set_config('statement_timeout', '0', true)
    || set_config('idle_in_transaction_session_timeout', '0', true)
    || set_config('max_parallel_workers_per_gather', '0', true) is null;

-- name: snapshot()^
-- tenant: none, it reads no rows
select pg_export_snapshot() as id, current_setting('server_version_num')::integer / 10000 as server, now() as made_at;

-- name: server()$
-- tenant: none, it asks the server about itself
select current_setting('server_version_num')::integer / 10000;

-- name: sessions_beside(pid)
-- tenant: none, it reads no rows
-- Its own session is one of them, so there is none only where the server is on another machine.
select pid from pg_stat_activity
where application_name like 'holdfast % ' || :pid::integer
  and (select client_addr is null from pg_stat_activity where pid = pg_backend_pid());

-- name: is_my_turn(name)$
-- tenant: none, an advisory lock
-- One backup, verification or restore of a database at a time; the lock goes with the transaction.
select pg_try_advisory_xact_lock(hashtextextended('holdfast backup ' || :name::text, 0));

-- name: checksum_statements()
-- tenant: none, it reads the catalog: what it gives are the texts of statements
-- For each table the statement that counts its rows and adds up their hashes. What is generated is made again by a restore.
select format('select json_build_object(''table'', %L, ''rows'', count(*), '
        '''checksum'', coalesce(sum(hashtextextended(row(%s)::text, 0)), 0)::text) from only %I.%I',
        case when n.nspname = current_schema() then c.relname else n.nspname || '.' || c.relname end,
        string_agg(quote_ident(a.attname), ', ' order by a.attname), n.nspname, c.relname) as statement
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
group by n.nspname, c.relname
order by n.nspname, c.relname;

-- name: objects_statements()
-- tenant: none, as checksum_statements
-- For each table whose rows stand for objects of the store the statement that gives these.
select format('select json_build_object(''key'', storage_key, ''bytes'', size_bytes, ''sha256'', sha256) from %I '
        'where storage_key is not null order by storage_key', c.relname) as statement
from pg_class c
where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
  and (select count(*) from pg_attribute a
      where a.attrelid = c.oid and a.attname in ('storage_key', 'size_bytes', 'sha256') and not a.attisdropped) = 3
order by c.relname;

-- name: still_named(keys)
-- tenant: none, the objects of everybody's files
-- plan: exempt, a few keys, after a backup that missed them
-- Which of some objects still have a row: the others were deleted since.
select storage_key from media where storage_key = any(:keys::text[])
union
select storage_key from media_thumbnails where storage_key = any(:keys::text[])
order by storage_key;

-- name: has_tables()$
-- tenant: none, it reads the catalog
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema');

-- name: is_ours()$
-- tenant: none, it asks the catalog
select to_regclass('schema_migrations') is not null and to_regclass('users') is not null;

-- name: is_of_cluster()$
-- tenant: none, it asks the catalog
-- Citus is in the database, of which there are parts on other servers then.
select exists (select from pg_extension where extname = 'citus');

-- name: has_users()$
-- tenant: none, whether there is anybody at all
-- plan: exempt, it ends with the first account
select exists (select from users);

-- name: sessions()$
-- tenant: none, it asks the server about itself
-- Who else is connected to this database. Sessions of this command have its name: one that was closed takes a moment to end.
select count(*) from pg_stat_activity
where datname = current_database() and application_name is distinct from current_setting('application_name')
  and coalesce(backend_type, 'client backend') = 'client backend';

-- name: may_create_databases()$
-- tenant: none, it asks the server about our role
select rolcreatedb or rolsuper from pg_roles where rolname = current_user;

-- name: creating(name)$
-- tenant: none, what it gives is the text of a statement
-- A database of the same kind as this one. The catalog has other columns for its locale from PostgreSQL 17 on.
select format('create database %I template template0 encoding %L lc_collate %L lc_ctype %L%s', :name::text,
    pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
    case d.datlocprovider
        when 'i' then format(' locale_provider icu icu_locale %L',
            coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
        when 'b' then format(' locale_provider builtin builtin_locale %L', to_jsonb(d) ->> 'datlocale')
        else ' locale_provider libc' end)
from pg_database d
where d.datname = current_database();

-- name: dropping(name)$
-- tenant: none, what it gives is the text of a statement
select format('drop database if exists %I with (force)', :name::text);

-- name: renaming(old, new)$
-- tenant: none, what it gives is the text of a statement
select format('alter database %I rename to %I', :old::text, :new::text);

-- name: record(name, made_at, size_bytes, is_encrypted, is_verified)!
-- tenant: none, backups are of everybody's rows
insert into backups (name, made_at, size_bytes, is_encrypted, is_verified)
values (:name, :made_at, :size_bytes, :is_encrypted, :is_verified)
on conflict (name) do update set is_verified = excluded.is_verified, verified_at = now();

-- name: last()^
-- tenant: none, as in record
select name, made_at, size_bytes, is_verified, extract(epoch from now() - made_at)::float8 as age_seconds
from backups
order by made_at desc
limit 1;

-- name: can_be_recorded()$
-- tenant: none, it asks the catalog
-- False on a schema from before there was such a table.
select to_regclass('backups') is not null;
