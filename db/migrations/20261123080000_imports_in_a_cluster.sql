-- migrate:up

-- The statements of imports are about many users at once, with steps that write and temporary tables: a cluster takes none of
-- them. There the rows of the accounts concerned are checked out into temporary tables of the same names, which hide the tables
-- themselves, and what came of them is checked in at the end of the transaction. What is of one server is reached directly:
-- import_items, import_changes, query_cache, media_deletions.

create function import_tables() returns table (name text, level integer)
language sql stable as $$
    with recursive reached_table as (
        select 'users'::regclass::oid as entity, 0 as level
        union
        select f.conrelid, r.level + 1
        from reached_table r
        join pg_constraint f on f.confrelid = r.entity and f.contype = 'f' and f.conrelid <> f.confrelid
            and f.conrelid <> all (import_unasked()))
    select c.relname::text, max(r.level)
    from reached_table r
    join pg_class c on c.oid = r.entity
    group by c.relname
    order by max(r.level), c.relname
$$;
comment on function import_tables() is
    'The tables with users'' rows that an import or its rollback looks at; level: a table comes after those that it refers to.';

create function import_accounts_of_staged(from_source text) returns uuid[]
language plpgsql as $$
declare
    staged regclass;
    found uuid[];
    accounts uuid[] := '{}';
begin
    for staged in
        select oid from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r' and relname like 'staged\_%'
    loop
        execute format(
            'select array_agg(i.target_id) from (select distinct %s as owner from %s) s '
            'join import_items i on i.source = $1 and i.entity = ''users'' and i.source_key = s.owner',
            case when staged::text = 'staged_users' then 'source_key' else 'owner' end, staged)
        into found using from_source;
        accounts := accounts || found;
    end loop;
    if to_regclass('staged_users') is not null then
        select array_agg(u.id) into found from staged_users s join users u on u.id = s.id;
        accounts := accounts || found;
        select array_agg(u.id) into found from staged_users s join users u on normal_login(u.email) = normal_login(s.email);
        accounts := accounts || found;
        -- Whoever has a name keeps it.
        select array_agg(u.id) into found
        from staged_users s join users u on normal_login(u.username) = normal_login(s.username);
        accounts := accounts || found;
    end if;
    if to_regclass('staged_identities') is not null then
        select array_agg(d.user_id) into found
        from staged_identities s join identities d on d.provider = s.provider and d.subject = s.subject;
        accounts := accounts || found;
    end if;
    return accounts;
end $$;
comment on function import_accounts_of_staged(text) is
    'The accounts here that staged rows may be of, or may stand in the way of.';

create function import_carried(
    entity regclass, out columns text, out keys text, out matched text, out rest text, out unlinked text, out is_linked text,
    out hash text)
language plpgsql stable as $$
begin
    with carried_column as (
        select a.attnum as place, quote_ident(a.attname) as name, format_type(a.atttypid, a.atttypmod) as type,
            a.attnum = any (k.conkey) as is_key,
            not a.attnum = any (k.conkey) and exists (
                select from pg_constraint f
                where f.conrelid = entity and f.confrelid = entity and f.contype = 'f' and a.attnum = any (f.conkey))
                as is_own_reference
        from pg_attribute a
        join pg_constraint k on k.conrelid = entity and k.contype = 'p'
        where a.attrelid = entity and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
    select
        string_agg(name, ', ' order by place),
        string_agg(name, ', ' order by place) filter (where is_key),
        string_agg(format('t.%1$s = s.%1$s', name), ' and ' order by place) filter (where is_key),
        string_agg(format('%1$s = s.%1$s', name), ', ' order by place) filter (where not is_key),
        string_agg(case when is_own_reference then format('null::%s', type) else name end, ', ' order by place),
        coalesce(string_agg(format('t.%s is not null', name), ' or ' order by place) filter (where is_own_reference), 'false'),
        -- Workers compute it, too: what depends on the settings of a session, such as the text of a time, is not in it.
        format('hash_record_extended(row(%s), 0)', string_agg(
            format(case when type in ('json', 'tsvector') then 't.%s::text' else 't.%s' end, name), ', ' order by place))
    into columns, keys, matched, rest, unlinked, is_linked, hash
    from carried_column;
end $$;
comment on function import_carried(regclass) is
    'Parts of statements that bring rows out of a cluster and back; unlinked: without what refers to rows of the same table.';

create function import_check_out(accounts uuid[], purpose text) returns void
language plpgsql as $$
declare
    schema constant text := current_schema();
    tables text[];
    keys text[];
    rests text[];
    named text;
    parts record;
    locked record;
begin
    if not is_distributed() then
        return;
    end if;
    create temporary table checked_out_accounts (user_id uuid primary key) on commit drop;
    insert into checked_out_accounts select distinct a.id from unnest(accounts) a (id) where a.id is not null;
    analyze checked_out_accounts;
    create temporary table checked_out_tables on commit drop as select name, level from import_tables();

    -- What a rollback deletes must not get what refers to it: that would go with it. Citus takes row locks on one shard a time.
    for locked in
        select i.entity, array_agg(i.user_id) as user_ids
        from (
            select distinct user_id, entity from import_items join checked_out_accounts using (user_id) where is_made) i
        join checked_out_tables c on c.name = i.entity
        where purpose = 'rollback'
        group by c.level, i.entity,
            case when i.entity <> 'users' then get_shard_id_for_distribution_column('tasks', i.user_id) end
        order by c.level, i.entity
    loop
        execute format('select from %I where %I = any (%L::uuid[]) for update', locked.entity,
            case when locked.entity = 'users' then 'id' else 'user_id' end, locked.user_ids);
    end loop;

    -- Their texts name tables as they are visible: now those themselves, later their namesakes.
    select
        array_agg(format('create temporary table %1$I (like %2$I.%1$I '
            'including defaults including constraints including generated) on commit drop', c.name, schema)),
        array_agg(k.texts), array_agg(r.texts)
    into tables, keys, rests
    from checked_out_tables c
    cross join lateral (
        select string_agg(text, '; ') as texts
        from (
            select format('alter table %I add constraint %I %s', c.name, conname, pg_get_constraintdef(oid)) as text
            from pg_constraint
            where conrelid = c.name::regclass and contype in ('p', 'u')
            union all
            -- Those by words are for searching.
            select regexp_replace(pg_get_indexdef(i.indexrelid), ' ON \S+ USING', format(' ON %I USING', c.name))
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            join pg_am m on m.oid = x.relam and m.amname = 'btree'
            where i.indrelid = c.name::regclass and not exists (select from pg_constraint where conindid = i.indexrelid)) t) k
    cross join lateral (
        select string_agg(text, '; ') as texts
        from (
            -- Not valid: the tables are read one after the other, and somebody may have written in between.
            select format('alter table %I add constraint %I %s not valid', c.name, conname, pg_get_constraintdef(oid)) as text
            from pg_constraint
            where conrelid = c.name::regclass and contype = 'f'
            union all
            -- What comes after a change is done, and what looks at all accounts, is for the tables themselves.
            select pg_get_triggerdef(g.oid, true)
            from pg_trigger g
            join pg_proc p on p.oid = g.tgfoid and p.pronamespace = schema::regnamespace and p.proname <> 'keep_an_admin'
            where g.tgrelid = c.name::regclass and not g.tgisinternal and g.tgtype & 2 = 2) t) r;
    foreach named in array tables loop
        execute named;
    end loop;
    execute format('create temporary table imports (like %I.imports) on commit drop', schema);
    execute format('create temporary table import_reports (like %I.import_reports including defaults) on commit drop', schema);

    for named in select name from checked_out_tables loop
        select * into parts from import_carried(format('%I.%I', schema, named)::regclass);
        if exists (select from checked_out_accounts) then
            execute format(
                'insert into %1$I (%2$s) select %2$s from %3$I.%1$I where %4$I in (select user_id from checked_out_accounts)',
                named, parts.columns, schema, case when named = 'users' then 'id' else 'user_id' end);
        end if;
        execute format('create temporary table checked_out_%1$s on commit drop as select %2$s, %3$s as old_hash from %1$s t',
            named, parts.keys, parts.hash);
    end loop;
    foreach named in array keys || rests loop
        if named is not null then
            execute named;
        end if;
    end loop;
    for named in select name from checked_out_tables loop
        execute format('analyze %1$I', named);
        execute format('analyze checked_out_%s', named);
    end loop;
    if purpose = 'verification' then
        -- Only that reads what was reported before.
        execute format('insert into imports select * from %I.imports', schema);
        execute format('insert into import_reports select * from %I.import_reports where kind = ''rejected''', schema);
    end if;
    -- What was planned before means the tables themselves.
    discard plans;
end $$;
comment on function import_check_out(uuid[], text) is
    'In a cluster: brings rows of accounts into temporary tables that hide their own, until the end of the transaction.';

create function import_check_in() returns void
language plpgsql as $$
declare
    schema constant text := current_schema();
    named text;
    parts record;
    fresh text;
    changed text;
    gone text;
    is_wanted boolean;
    wanted bigint;
    done bigint;
begin
    if to_regclass('pg_temp.checked_out_tables') is null then
        return;
    end if;
    -- For touch(), also on the workers: what is carried has its version.
    set local citus.propagate_set_commands = 'local';
    set local holdfast.is_carried = 'on';
    for named in select name from checked_out_tables order by level, name loop
        select * into parts from import_carried(named::regclass);
        -- A worker may get the rows in several pieces: what they refer to among themselves comes when all of them are there.
        fresh := format(
            'select %1$s from %2$I t left join checked_out_%2$s c using (%3$s) where c.old_hash is null',
            parts.unlinked, named, parts.keys);
        execute format('select exists (%s)', fresh) into is_wanted;
        if is_wanted then
            execute format('insert into %1$I.%2$I (%3$s) %4$s', schema, named, parts.columns, fresh);
        end if;
        changed := format(
            'select %1$s, c.old_hash from %2$I t left join checked_out_%2$s c using (%3$s) '
            'where %4$s <> c.old_hash or c.old_hash is null and (%5$s)',
            parts.columns, named, parts.keys, parts.hash, parts.is_linked);
        execute format('select count(*) from (%s) s', changed) into wanted;
        if wanted > 0 then
            execute format(
                'update %1$I.%2$I t set %3$s from (%4$s) s where %5$s and (s.old_hash is null or s.old_hash = %6$s)',
                schema, named, parts.rest, changed, parts.matched, parts.hash);
            get diagnostics done = row_count;
            if done <> wanted then
                raise serialization_failure using message = format('rows of %s were changed meanwhile', named);
            end if;
        end if;
    end loop;
    for named in select name from checked_out_tables order by level desc, name loop
        select * into parts from import_carried(named::regclass);
        gone := format(
            'select %1$s, c.old_hash from checked_out_%2$s c where not exists (select from %2$I s where %3$s)',
            parts.keys, named, replace(parts.matched, 't.', 'c.'));
        execute format('select count(*) from (%s) s', gone) into wanted;
        if wanted > 0 then
            execute format(
                'delete from %1$I.%2$I t using (%3$s) s where %4$s and s.old_hash = %5$s',
                schema, named, gone, parts.matched, parts.hash);
            get diagnostics done = row_count;
            if done <> wanted then
                raise serialization_failure using message = format('rows of %s were changed meanwhile', named);
            end if;
        end if;
    end loop;
    execute format(
        'insert into %1$I.import_reports (%2$s) select %2$s from import_reports order by line',
        schema, (select columns from import_carried(format('%I.import_reports', schema)::regclass)));
    set local holdfast.is_carried = 'off';

    for named in select name from checked_out_tables order by level desc loop
        execute format('drop table pg_temp.%1$I, pg_temp.checked_out_%1$s', named);
    end loop;
    drop table
        pg_temp.import_reports, pg_temp.imports, pg_temp.checked_out_accounts, pg_temp.checked_out_tables;
    discard plans;
end $$;
comment on function import_check_in() is
    'In a cluster: writes what came of import_check_out()''s rows to where they belong. Raises if others changed them.';

create function import_check_out_staged(from_source text, account uuid, purpose text) returns void
language plpgsql as $$
begin
    if is_distributed() then
        perform import_check_out(import_accounts_of_staged(from_source) || account, purpose);
    end if;
end $$;
comment on function import_check_out_staged(text, uuid, text) is
    'Does import_check_out() for the accounts that staged rows are about, and for one.';

create function import_check_out_run(run uuid) returns void
language plpgsql as $$
begin
    if is_distributed() then
        perform import_check_out(
            array(
                select user_id from import_items where import_id = run
                union
                select user_id from import_changes where import_id = run),
            'rollback');
    end if;
end $$;
comment on function import_check_out_run(uuid) is
    'Does import_check_out() for the accounts whose rows a run has made or changed.';

-- migrate:down
drop function import_check_out_run(uuid);
drop function import_check_out_staged(text, uuid, text);
drop function import_check_in();
drop function import_check_out(uuid[], text);
drop function import_carried(regclass);
drop function import_accounts_of_staged(text);
drop function import_tables();
