-- migrate:up

-- What an export takes of each table comes from the catalog, as with imports: a new column needs no second place
-- (docs/decisions/0045).

create function export_columns(entity regclass, is_own boolean)
returns table (place smallint, name text, type text) language sql stable as $$
    select a.attnum, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)
    from pg_attribute a
    where a.attrelid = entity and a.attname = 'user_id' and not a.attisdropped
    union all
    select c.place, c.name, c.type
    from import_columns(entity) c
    -- Where the bytes of a file lie is nobody else's; what the server decides about an account is not its user's to carry away.
    where not (entity = 'media'::regclass and c.name = 'storage_key')
      and not (is_own and entity = 'users'::regclass and c.name in ('password_hash', 'role'))
    order by 1
$$;

comment on function export_columns is 'The columns of a table that an export has. is_own: one that a user takes of their own account.';

create function export_rows(entity regclass, owner uuid, columns text) returns text language sql stable as $$
    select format('select %s from %s%s order by %s', columns, entity,
        case when owner is null then ''
            else format(' where %s = %L', case when entity = 'users'::regclass then 'id' else 'user_id' end, owner) end,
        (select string_agg(quote_ident(a.attname), ', ' order by array_position(p.conkey, a.attnum))
            from pg_constraint p
            join pg_attribute a on a.attrelid = p.conrelid and a.attnum = any(p.conkey)
            where p.conrelid = entity and p.contype = 'p'))
$$;

comment on function export_rows is 'The text of a statement: rows of a user, or of everybody, in the order of the primary key.';

create function export_statement(entity regclass, owner uuid, is_own boolean) returns text language sql stable as $$
    select format('select row_to_json(r) from (%s) r', export_rows(entity, owner,
        (select string_agg(
            -- A document is kept as it was written, but on one line: the blanks around it would not come back.
            case when c.type = 'json'
                then format('btrim(translate(%1$s::text, E''\n\r'', ''  ''), E'' \t'')::json as %1$s', c.name) else c.name end,
            ', ' order by c.place)
            from export_columns(entity, is_own) c)))
$$;

comment on function export_statement is 'The text of the statement that gives a table''s rows as JSON, each on one line.';

create function export_files_statement(owner uuid) returns text language sql stable as $$
    select format('select row_to_json(r) from (%s) r',
        export_rows('media', owner, 'user_id, id, storage_key, size_bytes, sha256'))
$$;

comment on function export_files_statement is 'The text of the statement that says where the files of an export lie.';

create function export_begin(seconds integer) returns void language plpgsql as $$
begin
    -- Until the end of the transaction. A large export may take longer than a request's statement may.
    perform set_config('statement_timeout', (seconds * 1000)::text, true);
    perform set_config('timezone', 'UTC', true);
    perform set_config('datestyle', 'ISO, YMD', true);
    -- To sort all rows of a table by their keys: reading a large one off its index is a walk all over the disk.
    perform set_config('work_mem', '32MB', true);
    perform set_config('jit', 'off', true);
    -- A plan for any user would be one for many.
    perform set_config('plan_cache_mode', 'auto', true);
end $$;

comment on function export_begin is 'Sets up a transaction for exporting: what JSON looks like, and how many seconds a table may take; 0: any.';

-- migrate:down
drop function export_begin(integer);
drop function export_files_statement(uuid);
drop function export_statement(regclass, uuid, boolean);
drop function export_rows(regclass, uuid, text);
drop function export_columns(regclass, boolean);
