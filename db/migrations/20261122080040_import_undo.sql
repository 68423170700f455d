-- migrate:up

create function import_undo(run uuid, entity regclass, is_forced boolean)
returns table (removed bigint, restored bigint, kept bigint) language plpgsql as $$
declare
    parts record;
    is_users constant boolean := entity = 'users'::regclass;
    has_user constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'user_id' and not attisdropped);
    -- What an account has by itself is no reason to keep it, nor is what is made of a file.
    unasked constant regclass[] := array[
        'sessions', 'api_tokens', 'storage_use', 'media_links', 'media_thumbnails', 'import_items',
        'import_reports']::regclass[];
    children text;
    own_children text;
    keys constant text := concat_ws(', ', case when has_user then 'user_id' end,
        (select string_agg(name, ', ') from import_keys(entity)));
    made_keys constant text := concat_ws(', ', case when has_user then 't.user_id' end,
        (select string_agg('t.' || name, ', ') from import_keys(entity)));
    -- Messages are numbered without a gap, and an account is the sum of its ledger: where the whole was changed here since, its
    -- parts stay with it.
    whole constant regclass := case entity
        when 'messages'::regclass then 'conversations' when 'credit_transactions'::regclass then 'credit_accounts' end;
    whole_parts record;
begin
    -- For touch().
    perform set_config('holdfast.is_import', 'on', true);
    -- Autovacuum may have looked at the table while the import filled it, and seen none of its rows. The planner, too, would
    -- think that it is empty, and compare each of a million with each other.
    if exists (select from import_items i where i.import_id = run and i.entity = import_undo.entity::text) then
        execute format('analyze %s', entity);
    end if;
    select * into parts from import_parts(entity, true);
    select * into whole_parts from import_parts(coalesce(whole, entity), true);
    select string_agg(format('exists (select from %s child where %s)', f.conrelid::regclass,
            case when is_users then 'child.user_id = t.id'
                else format('child.user_id = t.user_id and child.%I = t.id', a.attname) end), ' or ')
    into children
    from pg_constraint f
    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and (a.attname <> 'user_id') <> is_users
    where f.contype = 'f' and f.confrelid = entity and f.conrelid <> entity and f.conrelid <> all (unasked);
    -- A row that refers to one of its own table keeps it, too, unless it goes itself.
    select string_agg(format('child.%s = m.id', name), ' or ') into own_children
    from import_columns(entity) where parent = entity;
    return query execute format($statement$
        with recursive given as materialized (
            select i.source_key as import_key, i.user_id, i.target_id as import_target_id, i.target_part as import_target_part,
                i.mark as import_mark
            from import_items i
            where i.import_id = $1 and i.entity = %1$L and i.is_made),
        changed_whole as materialized (%13$s),
        made as materialized (
            select c.import_key, %2$s,
                not $2 and (%3$s <> c.import_mark or (%4$s) or %14$s) as is_kept
            from given c
            join %5$s t on %6$s),
        kept as (
            select import_key, %7$s from made where is_kept
            %8$s),
        -- By "except" and not by "not exists": the planner thinks that made has a handful of rows.
        going as materialized (
            select import_key, %7$s from made except select import_key, %7$s from kept),
        deleted as (
            delete from %5$s t using going m where (%9$s) = (%10$s)
            returning m.import_key),
        -- Once for all that ask: within a "not exists" of each item it would be looked for in each row, time and again.
        staying as materialized (
            select import_key from made except select import_key from deleted),
        told as (
            insert into import_reports (import_id, kind, entity, place, rule)
            select $1, 'kept', %1$L, import_key, 'changed_here' from staying),
        forgotten as (
            delete from import_items i
            where i.import_id = $1 and i.entity = %1$L
              and i.source_key not in (select import_key from staying)),
        back as materialized (
            select h.source, h.source_key as import_key, h.before, h.checksum, h.mark as import_mark, i.user_id,
                i.target_id as import_target_id, i.target_part as import_target_part
            from import_changes h
            join import_items i using (user_id, entity, source_key, source)
            where h.import_id = $1 and h.entity = %1$L),
        restored as (
            update %5$s t set %12$s
            from back c
            cross join lateral json_populate_record(null::%5$s, c.before) r
            where %6$s and ($2 or %3$s = c.import_mark)
            returning c.user_id, c.source, c.import_key, c.checksum, %3$s as import_mark),
        restored_item as (
            update import_items i set checksum = r.checksum, mark = r.import_mark
            from restored r
            where i.user_id = r.user_id and i.entity = %1$L and i.source_key = r.import_key and i.source = r.source),
        forgotten_change as (
            delete from import_changes h using restored r
            where h.import_id = $1 and h.user_id = r.user_id and h.entity = %1$L and h.source_key = r.import_key)
        select (select count(*) from deleted), (select count(*) from restored),
            (select count(*) from made) - (select count(*) from deleted)
                + (select count(*) from back) - (select count(*) from restored)
        $statement$,
        entity::text, made_keys, format(parts.mark, 't'), coalesce(children, 'false'), entity, parts.target, keys,
        case when own_children is null then '' else format(
            'union select %s from kept k join %s child on child.user_id = k.user_id and child.id = k.id '
            'join made m on m.user_id = child.user_id and (%s)',
            'm.import_key, m.user_id, m.id', entity, own_children) end,
        made_keys, replace(made_keys, 't.', 'm.'), null,
        (select string_agg(format('%1$s = r.%1$s', name), ', ' order by place)
            from import_columns(entity)
            where name not in (select k.name from import_keys(entity) k)
              and not (is_users and name = 'password_hash')),
        case when whole is null then 'select null' else format(
            'select t.* from (select i.user_id, i.target_id as import_target_id, i.target_part as import_target_part, i.mark '
            'from import_items i where i.entity = %1$L and i.is_made and (i.import_id = $1 or exists ('
            'select from import_changes h where h.import_id = $1 and h.source = i.source and h.entity = i.entity '
            'and h.source_key = i.source_key))) c '
            'join %1$s t on %2$s where %3$s <> c.mark',
            whole::text, whole_parts.target, format(whole_parts.mark, 't')) end,
        case entity
            when 'messages'::regclass then '(t.user_id, t.conversation_id) in (select user_id, id from changed_whole)'
            when 'credit_transactions'::regclass then 't.user_id in (select user_id from changed_whole)'
            else 'false' end)
    using run, is_forced;
end $$;

comment on function import_undo is
    'Takes back what an import did to a table: deletes what it made, and puts back what it changed. Rows that were changed '
    'since, and those that others refer to, stay.';

-- migrate:down
drop function import_undo(uuid, regclass, boolean);
