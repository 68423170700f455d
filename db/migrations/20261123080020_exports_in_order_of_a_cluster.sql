-- migrate:up

-- The digest of an archive is over its tables and files in their order. Out of a cluster the rows of an ordered sub-select come
-- worker by worker, only an order at the end is one of all rows; and row_to_json() of a sub-select that is ordered there has lost
-- the names of the columns, unless it is a sub-select of each row.
create or replace function export_rows(entity regclass, owner uuid, columns text) returns text
language sql stable as $$
    select format('select (select row_to_json(r) from (select %s) r) from %s%s order by %s', columns, entity,
        case when owner is null then ''
            else format(' where %s = %L', case when entity = 'users'::regclass then 'id' else 'user_id' end, owner) end,
        (select string_agg(quote_ident(a.attname), ', ' order by array_position(p.conkey, a.attnum))
            from pg_constraint p
            join pg_attribute a on a.attrelid = p.conrelid and a.attnum = any(p.conkey)
            where p.conrelid = entity and p.contype = 'p'))
$$;
comment on function export_rows is
    'The text of a statement: rows of a user, or of everybody, as JSON, in the order of the primary key.';

create or replace function export_statement(entity regclass, owner uuid, is_own boolean) returns text
language sql stable as $$
    select export_rows(entity, owner,
        (select string_agg(
            -- A document is kept as it was written, but on one line: the blanks around it would not come back.
            case when c.type = 'json'
                then format('btrim(translate(%1$s::text, E''\n\r'', ''  ''), E'' \t'')::json as %1$s', c.name) else c.name end,
            ', ' order by c.place)
            from export_columns(entity, is_own) c))
$$;

create or replace function export_files_statement(owner uuid) returns text
language sql stable as $$
    select export_rows('media', owner, 'user_id, id, storage_key, size_bytes, sha256')
$$;

-- migrate:down
create or replace function export_files_statement(owner uuid) returns text
language sql stable as $$
    select format('select row_to_json(r) from (%s) r',
        export_rows('media', owner, 'user_id, id, storage_key, size_bytes, sha256'))
$$;

create or replace function export_statement(entity regclass, owner uuid, is_own boolean) returns text
language sql stable as $$
    select format('select row_to_json(r) from (%s) r', export_rows(entity, owner,
        (select string_agg(
            -- A document is kept as it was written, but on one line: the blanks around it would not come back.
            case when c.type = 'json'
                then format('btrim(translate(%1$s::text, E''\n\r'', ''  ''), E'' \t'')::json as %1$s', c.name) else c.name end,
            ', ' order by c.place)
            from export_columns(entity, is_own) c)))
$$;

create or replace function export_rows(entity regclass, owner uuid, columns text) returns text
language sql stable as $$
    select format('select %s from %s%s order by %s', columns, entity,
        case when owner is null then ''
            else format(' where %s = %L', case when entity = 'users'::regclass then 'id' else 'user_id' end, owner) end,
        (select string_agg(quote_ident(a.attname), ', ' order by array_position(p.conkey, a.attnum))
            from pg_constraint p
            join pg_attribute a on a.attrelid = p.conrelid and a.attnum = any(p.conkey)
            where p.conrelid = entity and p.contype = 'p'))
$$;
comment on function export_rows is 'The text of a statement: rows of a user, or of everybody, in the order of the primary key.';
