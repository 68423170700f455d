-- migrate:up

create table storage_use (
    user_id uuid primary key constraint storage_use_user_exists references users on delete cascade,
    stored_bytes bigint not null constraint storage_use_stored_bytes_range check (stored_bytes >= 0),
    measured_at timestamptz not null default now()
);

comment on table storage_use is
    'How much each user stores, of those who wrote something. Not in users: what is counted is no change of a profile.';
comment on column storage_use.stored_bytes is
    'Of all their rows, without files and indexes: as measured_at found them, and what the user has sent since.';

-- Every table whose user_id points at users is counted, a new one too. Columns one by one: a row as a whole would be read with
-- what lies outside of it (TOAST), whose size stands in the row.
create function stored_bytes(owner uuid, most integer, out stored_bytes bigint, out is_complete boolean)
language plpgsql stable as $$
declare
    counted text;
begin
    select string_agg(each.statement, ' union all ')
    into counted
    from (
        select format(
            'select count(*) as n, sum(size) as size from (select 32 + %s%s as size from %s where user_id = $1 limit $2) r',
            sum(greatest(a.attlen, 0)),
            string_agg(case when a.attlen < 0 then format(' + coalesce(pg_column_size(%I), 0)', a.attname) end, ''),
            c.conrelid::regclass) as statement
        from pg_constraint c
        join pg_attribute k on k.attrelid = c.conrelid and c.conkey = array[k.attnum] and k.attname = 'user_id'
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum > 0 and not a.attisdropped
            and a.attgenerated <> 'v'
        where c.contype = 'f' and c.confrelid = 'users'::regclass
        group by c.conrelid) each;
    execute 'select coalesce(sum(size), 0)::bigint, max(n) < $2 from (' || counted || ') tables'
    into stored_bytes, is_complete
    using owner, most;
end $$;

comment on function stored_bytes is
    'The bytes of all rows of a user, and whether no table has more than the so many rows of the user that it looks at.';

-- migrate:down
drop function stored_bytes(uuid, integer);
drop table storage_use;
