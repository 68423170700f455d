-- migrate:up

-- How rows of a source get into a table. They come by COPY into a temporary table, staged_<entity>, that has the columns of the
-- target and, for each reference, the source's own key of the row that is meant. From there the rows are resolved, judged by
-- the target's own constraints and inserted, many at a time. What is said here of a table comes from the catalog, so that a new
-- column or constraint needs no second place (docs/decisions/0044).

create function import_columns(entity regclass)
returns table (place smallint, name text, type text, parent regclass, is_needed boolean, fallback text)
language sql stable as $$
    select a.attnum, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), f.confrelid::regclass,
        a.attnotnull and d.adbin is null, pg_get_expr(d.adbin, d.adrelid)
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join pg_constraint f on f.conrelid = a.attrelid and f.contype = 'f' and a.attnum = any(f.conkey)
        and f.confrelid <> 'users'::regclass
    where a.attrelid = entity and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and a.attname not in ('user_id', 'version', 'search')
    order by a.attnum
$$;

comment on function import_columns is
    'The columns that a source can fill: with the table that one refers to, and what stands there where a source has nothing.';

create function import_keys(entity regclass)
returns table (name text, type text, is_id boolean) language sql stable as $$
    select quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.atttypid = 'uuid'::regtype
    from pg_constraint p
    join pg_attribute a on a.attrelid = p.conrelid and a.attnum = any(p.conkey)
    where p.conrelid = entity and p.contype = 'p'
      and (a.attname = 'id' or a.attname <> 'user_id' and not exists (
          select from pg_attribute i where i.attrelid = entity and i.attname = 'id' and not i.attisdropped))
    order by a.attnum
$$;

comment on function import_keys is 'The columns that name a row among those of its user: its id, or else the rest of its key.';

create function import_stage(entity regclass) returns void language plpgsql as $$
begin
    execute format(
        'create temporary table if not exists staged_%s (place bigint generated always as identity primary key, '
        'source_key text not null, owner text, at text, %s) on commit delete rows',
        entity::text,
        (select string_agg(format(
            '%s %s', name, case when parent is not null or name = 'taggable_id' then 'text' else type end), ', ' order by place)
            from import_columns(entity)));
    -- Within a dry run nothing is committed between two parts.
    execute format('truncate staged_%s', entity::text);
end $$;

comment on function import_stage is 'Makes the temporary table that rows for a table come into, or empties it.';

create function import_bounds(entity regclass, out first bigint, out last bigint) language plpgsql as $$
begin
    -- The planner knows nothing of a temporary table that nobody analyzed.
    execute format('analyze staged_%s', entity::text);
    execute format('select min(place), max(place) from staged_%s', entity::text) into first, last;
end $$;

comment on function import_bounds is 'The first and the last of the rows that are staged for a table; null: there are none.';

create function import_parts(
    entity regclass, is_again boolean, out candidate text, out rule text, out columns text, out same text, out target text,
    out mark text, out linked text, out has_own_references boolean)
language plpgsql stable as $$
declare
    has_user constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'user_id' and not attisdropped);
    has_id constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'id' and not attisdropped);
    is_users constant boolean := entity = 'users'::regclass;
    nobody constant text := quote_literal('00000000-0000-0000-0000-000000000000');
begin
    candidate := format(
        'select s.place as import_place, s.source_key as import_key, i.source_key is not null as import_is_known, '
        'i.is_made as import_is_made, '
        'i.checksum as import_old_checksum, i.mark as import_old_mark, i.target_id as import_target_id, '
        'i.target_part as import_target_part, hash_record_extended(row(s.owner, %s), 0) as import_checksum%s, %s '
        'from staged_%s s %s %s left join %s i on true '
        'where s.place between $3 and $4',
        -- Where the bytes of a file lie is not the source's.
        (select string_agg(format(case when type = 'json' then 's.%s::text' else 's.%s' end, name), ', ' order by place)
            from import_columns(entity) where name <> 'storage_key'),
        case when is_users then ', o.user_id as import_user_id' when has_user then ', o.user_id' else '' end,
        (select string_agg(
            case
                when name = 'id' and is_users then 'o.user_id as id'
                when name = 'id' then 'coalesce(i.target_id, s.id, new_id(s.created_at), new_id()) as id'
                when parent = entity then format('null::uuid as %1$s, s.%1$s as import_ref_%1$s', name)
                when parent is not null then format('p_%1$s.id as %1$s, s.%1$s as import_ref_%1$s', name)
                when name = 'taggable_id' then 'p_taggable_id.target_id as taggable_id, s.taggable_id as import_ref_taggable_id'
                when name = 'updated_at' then 'coalesce(s.updated_at, s.created_at, now()) as updated_at'
                when fallback is not null then format('coalesce(s.%1$s, %2$s) as %1$s', name, fallback)
                else 's.' || name
            end, ', ' order by place)
            from import_columns(entity)),
        entity::text,
        case
            when is_users then 'join import_owners o on o.owner = s.source_key and o.is_own'
            when has_user then 'left join import_owners o on o.owner = s.owner'
            else ''
        end,
        (select coalesce(string_agg(
            case when name = 'taggable_id' then
                'left join import_items p_taggable_id on p_taggable_id.user_id = o.user_id '
                'and p_taggable_id.entity = replace(s.taggable_type, ''-'', ''_'') '
                'and p_taggable_id.source_key = s.taggable_id and p_taggable_id.source = $2 '
                -- Here, too, its user may have deleted it since.
                || 'and case p_taggable_id.entity ' || (
                    select string_agg(format(
                        'when %1$L then exists ('
                        'select from %1$s d where d.user_id = o.user_id and d.id = p_taggable_id.target_id)',
                        f.confrelid::regclass::text), ' ')
                    from pg_constraint f
                    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and a.attgenerated <> ''
                    where f.conrelid = entity and f.contype = 'f') || ' end'
            else format(
                -- Each once, however many rows refer to it. Its row is looked at, too: its user may have deleted it since.
                'left join (select k.user_id, k.%1$s, p.id from ('
                'select distinct o.user_id, s.%1$s from staged_%3$s s join import_owners o on o.owner = s.owner '
                'where s.place between $3 and $4) k '
                'cross join lateral ('
                'select p.id from import_items i join %2$s p on p.user_id = i.user_id and p.id = i.target_id '
                'where i.user_id = k.user_id and i.entity = %2$L and i.source_key = k.%1$s and i.source = $2 '
                'limit 1) p) p_%1$s '
                'on p_%1$s.user_id = o.user_id and p_%1$s.%1$s = s.%1$s', name, parent, entity::text)
            end, ' ' order by place), '')
            from import_columns(entity)
            where parent <> entity or name = 'taggable_id'),
        -- Of a million rows that are new, none need be looked for. The limit makes the planner look up one at a time: it thinks
        -- that there are as many items as before this import, and would read all of them for each chunk.
        case when is_again then format(
            'lateral (select * from import_items i where i.user_id = %s and i.entity = %L and i.source_key = s.source_key '
            'and i.source = $2 limit 1)',
            case when is_users or has_user then 'o.user_id' else nobody end, entity::text)
            else '(select * from import_items where false)' end);
    rule := format(
        'case %s else null end',
        (select string_agg(line, ' ' order by number)
            from (
                select 1 as number, format('when user_id is null then %L', entity || '_user_exists') as line where has_user
                union all
                select 2, format('when import_ref_%1$s is not null and %1$s is null then %2$L', c.name, f.conname)
                from import_columns(entity) c
                join pg_attribute a on a.attrelid = entity and a.attnum = c.place
                join pg_constraint f on f.conrelid = entity and f.contype = 'f' and a.attnum = any(f.conkey)
                    and f.confrelid = c.parent
                where c.parent <> entity
                union all
                select 2, format(
                    'when import_ref_taggable_id is not null and taggable_id is null then %L', entity || '_target_exists')
                from import_columns(entity) where name = 'taggable_id'
                union all
                select 3, format('when %s is null then %L', name, entity || '_' || name || '_needed')
                from import_columns(entity) where is_needed and name <> 'id'
                union all
                select 4, format('when (%s) is false then %L', pg_get_expr(k.conbin, k.conrelid), k.conname)
                from pg_constraint k
                where k.conrelid = entity and k.contype = 'c' and not exists (
                    select from pg_attribute a
                    where a.attrelid = entity and a.attnum = any(k.conkey) and a.attgenerated <> '')) lines));
    columns := (
        select case when has_user then 'user_id, ' else '' end || string_agg(name, ', ' order by place)
        from import_columns(entity));
    same := (
        select string_agg(format(
            case
                when type = 'json' then '%s.%s::text'
                when is_users and name = 'password_hash' then 'null::text'
                else '%s.%s'
            end, '%1$s', name), ', ' order by place)
        from import_columns(entity) where name <> 'id');
    target := (
        select string_agg(
            case when is_id then format('t.%s = c.import_target_id', name)
            else format('t.%s = c.import_target_part::%s', name, type) end, ' and ')
        from import_keys(entity));
    target := concat_ws(' and ', case when has_user then 't.user_id = c.user_id' end, target);
    mark := case when exists (select from pg_attribute where attrelid = entity and attname = 'version' and not attisdropped)
        then '%1$s.version' else 'hashtextextended(%1$s::text, 0)' end;
    has_own_references := exists (select from import_columns(entity) where parent = entity);
    -- References within the table: their rows are known only now. One to a row that was refused, or to the row itself, is left
    -- out.
    linked := format(
        'select import_place, judged.import_key, import_is_known, import_is_made, import_old_checksum, import_old_mark, '
        'import_target_id, import_target_part, import_checksum, import_rule, import_rule is null as import_is_good, '
        'import_rule is null and not import_is_known as import_is_fresh, '
        'import_rule is null and import_is_made and import_checksum <> import_old_checksum as import_is_changed, '
        '%s%s, %s as import_unlinked from judged %s',
        case when is_users then 'import_user_id, ' when has_user then 'judged.user_id, ' else '' end,
        (select string_agg(
            case when parent = entity then format('p_%1$s.id as %1$s', name) else 'judged.' || name end, ', ' order by place)
            from import_columns(entity)),
        coalesce(
            (select 'concat_ws('', '', ' || string_agg(format(
                'case when judged.import_ref_%1$s is not null and p_%1$s.id is null then %2$L end', name, trim('"' from name)),
                ', ') || ')'
            from import_columns(entity) where parent = entity),
            quote_literal('')),
        (select coalesce(string_agg(format(
            'left join (select import_key, user_id, id from judged where (import_rule is null) is true '
            -- One that its user has deleted here since is none.
            'and (not import_is_known or exists ('
            'select from %2$s d where d.user_id = judged.user_id and d.id = judged.id))) p_%1$s '
            'on p_%1$s.import_key = judged.import_ref_%1$s and p_%1$s.user_id = judged.user_id '
            'and p_%1$s.import_key <> judged.import_key', name, entity::text), ' '), '')
            from import_columns(entity) where parent = entity));
end $$;

comment on function import_parts is
    'The parts of the statements that import_move() and import_compare() put together for a table.';

create function import_move_at_once(
    run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean)
returns table (imported bigint, updated bigint, unchanged bigint, kept bigint, rejected bigint) language plpgsql as $$
declare
    parts record;
    has_user constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'user_id' and not attisdropped);
    owner constant text := case when entity = 'users'::regclass then 'f.id' when has_user then 'f.user_id'
        else quote_literal('00000000-0000-0000-0000-000000000000') || '::uuid' end;
    reported constant text := case when has_user then 'c.user_id' else 'null::uuid' end;
    keys constant text := (select string_agg(name, ', ') from import_keys(entity));
    item_keys constant text := format('%s, %s',
        coalesce((select string_agg('f.' || name, '') from import_keys(entity) where is_id), 'null::uuid'),
        coalesce((select string_agg('f.' || name || '::text', '') from import_keys(entity) where not is_id), 'null'));
    has_version constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'version' and not attisdropped);
    -- A report is read by people, and sent to others: no hash of a password belongs there.
    content constant text := case when entity = 'users'::regclass
        then '(to_jsonb(s) - ''password_hash'')::json' else 'to_json(s)' end;
    told constant text := $statement$
        told as (
            insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
            select $1, r.kind, %1$L, coalesce(s.at, s.source_key), %2$s, r.rule, %4$s
            from refused r
            join staged_%1$s s on s.place = r.import_place and s.place between $3 and $4
            join judged c on c.import_place = r.import_place
            order by r.import_place),
        loose as (
            insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
            select $1, 'changed', %1$L, coalesce(s.at, s.source_key), %3$s, 'left_empty: ' || l.import_unlinked, %4$s
            from linked l
            join staged_%1$s s on s.place = l.import_place and s.place between $3 and $4
            where l.import_unlinked <> '' and (l.import_is_fresh or l.import_is_changed)
            order by l.import_place)
        $statement$;
begin
    -- For touch().
    perform set_config('holdfast.is_import', 'on', true);
    select * into parts from import_parts(entity, is_again);
    if has_version and not is_again then
        -- Nothing is here yet, and hardly anything comes twice: most chunks need no look at what was inserted, which would cost
        -- a third more.
        begin
            execute format($statement$
                with judged as materialized (select c.*, %1$s as import_rule from (%2$s offset 0) c),
                linked as %3$s (%4$s),
                fresh as materialized (select l.*, new_version() as import_mark from linked l where import_is_fresh),
                inserted as (insert into %5$s (%6$s, version) select %6$s, import_mark from fresh),
                made as (
                    insert into import_items (
                        source, entity, source_key, import_id, user_id, target_id, target_part, checksum, mark)
                    select $2, %7$L, f.import_key, $1, %8$s, %9$s, f.import_checksum, f.import_mark
                    from fresh f),
                refused as (
                    select import_place, import_rule as rule, 'rejected' as kind from judged where import_rule is not null),
                %10$s
                select (select count(*) from fresh), 0::bigint, 0::bigint, 0::bigint, (select count(*) from refused)
                $statement$,
                parts.rule, parts.candidate, case when parts.has_own_references then 'materialized' else 'not materialized' end,
                parts.linked, entity, parts.columns, entity::text, owner, item_keys,
                format(told, entity::text, reported, replace(reported, 'c.', 'l.'), content))
            into imported, updated, unchanged, kept, rejected
            using run, from_source, first, last;
            return next;
            return;
        exception when unique_violation then
            null;
        end;
    end if;
    -- The planner knows nothing of what a with query holds: with conditions as booleans it takes half of the rows for likely,
    -- and joins them by their hashes. By "is null" or "= 1" it thought of a handful, and compared each of 10,000 with each
    -- other. What is inserted, changed and written down is one statement: a row without its item would be nobody's to roll
    -- back.
    return query execute format($statement$
        with judged as materialized (select c.*, %2$s as import_rule from (%1$s offset 0) c),
        linked as %18$s (%3$s),
        fresh as materialized (
            select l.*, %19$s as import_is_first
            from linked l
            where import_is_fresh),
        inserted as (
            insert into %5$s (%6$s)
            select %6$s from fresh where import_is_first
            on conflict do nothing
            returning %4$s, %7$s as import_mark),
        made as (
            insert into import_items (
                source, entity, source_key, import_id, user_id, target_id, target_part, checksum, mark)
            select $2, %8$L, f.import_key, $1, %9$s, %10$s, f.import_checksum, n.import_mark
            from fresh f
            join inserted n using (%4$s)
            where f.import_is_first
            returning source_key),
        changed as materialized (
            select c.*, to_json(t) as import_before, %11$s as import_mark
            from linked c
            left join %5$s t on %12$s
            where c.import_is_changed),
        updated as (
            update %5$s t
            set %13$s
            from changed c
            where %12$s and c.import_mark = c.import_old_mark and (%14$s) is not distinct from (%15$s)
            returning c.import_key, %11$s as import_mark),
        item as (
            update import_items i
            set checksum = c.import_checksum, mark = u.import_mark
            from updated u
            join changed c using (import_key)
            where i.user_id = %20$s and i.entity = %8$L and i.source_key = u.import_key and i.source = $2),
        before as (
            insert into import_changes (import_id, user_id, entity, source_key, source, before, checksum, mark)
            select $1, %20$s, %8$L, c.import_key, $2, c.import_before, c.import_old_checksum, u.import_mark
            from updated u
            join changed c using (import_key)),
        refused as (
            select import_place, import_rule as rule, 'rejected' as kind from judged where import_rule is not null
            union all
            select f.import_place, %16$L, 'rejected'
            from fresh f
            where not f.import_is_first or not exists (select from made m where m.source_key = f.import_key)
            union all
            select c.import_place,
                case when c.import_mark is null then 'deleted_here' when c.import_mark = c.import_old_mark then 'key_changed'
                    else 'changed_here' end,
                'kept'
            from changed c
            where not exists (select from updated u where u.import_key = c.import_key)),
        %17$s
        select (select count(*) from made), (select count(*) from updated),
            (select count(*) from linked
                where import_is_good and not import_is_fresh and not import_is_changed),
            (select count(*) from refused where kind = 'kept'), (select count(*) from refused where kind = 'rejected')
        $statement$,
        parts.candidate, parts.rule, parts.linked,
        concat_ws(', ', case when has_user then 'user_id' end, keys),
        entity, parts.columns, format(parts.mark, entity::text), entity::text, owner, item_keys, format(parts.mark, 't'),
        parts.target,
        (select string_agg(
            case when entity = 'users'::regclass and name = 'password_hash'
                -- It is renewed at the first login, and changed by its owner, without a new version of the account.
                then 'password_hash = case when t.password_hash like ''$argon2id$%'' then t.password_hash '
                    'else c.password_hash end'
                else format('%1$s = c.%1$s', name) end, ', ' order by place)
            from import_columns(entity)
            where name not in (select k.name from import_keys(entity) k)),
        (select coalesce(string_agg('t.' || name, ', '), 'true') from import_keys(entity)),
        (select coalesce(string_agg('c.' || name, ', '), 'true') from import_keys(entity)),
        coalesce(
            (select string_agg(conname, ' or ' order by conname) from pg_constraint where conrelid = entity and contype = 'u'),
            entity || '_pkey'),
        format(told, entity::text, reported, replace(reported, 'c.', 'l.'), content),
        case when parts.has_own_references then 'materialized' else 'not materialized' end,
        concat_ws(' and ', 'true',
            case when not exists (select from import_keys(entity) where name = 'id') then format(
                'row_number() over (partition by %s order by import_place) = 1',
                concat_ws(', ', case when has_user then 'user_id' end, keys)) end,
            case when is_again then 'row_number() over (partition by import_key order by import_place) = 1' end),
        replace(owner, 'f.', 'c.'))
    using run, from_source, first, last;
end $$;

comment on function import_move_at_once is
    'Brings staged rows into their table: those that are new, and those that have changed in the source but not here. '
    'is_again: some may be here, or come twice.';

create function import_move(
    run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean)
returns table (imported bigint, updated bigint, unchanged bigint, kept bigint, rejected bigint) language plpgsql as $$
declare
    middle constant bigint := (first + last) / 2;
    broken text;
begin
    return query select * from import_move_at_once(run, from_source, entity, first, last, is_again);
exception when unique_violation then
    -- A changed row would be like another one here. The others need not suffer for it: it is looked for by halves.
    if first < last and exists (select from import_columns(entity) where parent = entity) then
        raise;
    elsif first < last then
        return query
        select sum(m.imported)::bigint, sum(m.updated)::bigint, sum(m.unchanged)::bigint, sum(m.kept)::bigint,
            sum(m.rejected)::bigint
        from (
            select * from import_move(run, from_source, entity, first, middle, is_again)
            union all
            select * from import_move(run, from_source, entity, middle + 1, last, is_again)) m;
        return;
    end if;
    get stacked diagnostics broken = constraint_name;
    execute format(
        'insert into import_reports (import_id, kind, entity, place, user_id, rule, content) '
        'select $1, ''kept'', %1$L, coalesce(s.at, s.source_key), case when not $4 then o.user_id end, $2, to_json(s) '
        'from staged_%1$s s left join import_owners o on o.owner = s.owner where s.place = $3', entity::text)
    using run, broken, first, entity = 'users'::regclass;
    return query select 0::bigint, 0::bigint, 0::bigint, 1::bigint, 0::bigint;
end $$;

comment on function import_move is
    'Does import_move_at_once(), and keeps a changed row as it is here when a unique constraint refuses the change.';

create function import_analyze() returns void language plpgsql as $$
begin
    analyze import_items;
end $$;

comment on function import_analyze is 'Tells the planner, in the middle of an import, how many rows there are to refer to.';

create function import_keep_tags(run uuid, from_source text) returns bigint language plpgsql as $$
declare
    merged bigint;
begin
    with found_tag as (
        select s.source_key, s.at, o.user_id, t.id, s.place
        from staged_tags s
        join import_owners o on o.owner = s.owner
        join tags t on t.user_id = o.user_id and t.slug = s.slug
        where not exists (
            select from import_items i
            where i.user_id = o.user_id and i.entity = 'tags' and i.source_key = s.source_key and i.source = from_source)),
    told as (
        insert into import_reports (import_id, kind, entity, place, user_id, rule)
        select run, 'merged', 'tags', coalesce(at, source_key), user_id, 'tags_slug_unique' from found_tag order by place)
    insert into import_items (source, entity, source_key, import_id, user_id, target_id, is_made, checksum, mark)
    select from_source, 'tags', source_key, run, user_id, id, false, 0, 0 from found_tag
    on conflict do nothing;
    get diagnostics merged = row_count;
    return merged;
end $$;

comment on function import_keep_tags is 'A tag that its user has here already is that one. Returns how many are.';

-- migrate:down
drop function import_keep_tags(uuid, text);
drop function import_analyze();
drop function import_move(uuid, text, regclass, bigint, bigint, boolean);
drop function import_move_at_once(uuid, text, regclass, bigint, bigint, boolean);
drop function import_parts(regclass, boolean);
drop function import_bounds(regclass);
drop function import_stage(regclass);
drop function import_keys(regclass);
drop function import_columns(regclass);
