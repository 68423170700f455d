-- migrate:up

create function import_refuse(entity regclass) returns bigint language plpgsql as $$
declare
    rule text;
    refused bigint;
begin
    select string_agg(line, ' ' order by number) into rule
    from (
        select 1 as number, format('when s.%s is null then %L', name, entity || '_' || name || '_needed') as line
        from import_columns(entity) where is_needed and name <> 'id' and parent is null
        union all
        select 2, format('when (%s) is false then %L', pg_get_expr(k.conbin, k.conrelid), k.conname)
        from pg_constraint k
        where k.conrelid = entity and k.contype = 'c' and not exists (
            select from pg_attribute a where a.attrelid = entity and a.attnum = any(k.conkey) and a.attgenerated <> '')) lines;
    execute format($statement$
        with refused as (
            delete from staged_%1$s s where case %2$s end is not null
            returning s.*, case %2$s end as import_rule)
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'rejected', %1$L, coalesce(r.at, r.source_key), r.owner, r.import_rule, to_json(r)
        from refused r
        order by r.place
        $statement$, entity::text, rule);
    get diagnostics refused = row_count;
    return refused;
end $$;

comment on function import_refuse is
    'Takes out and reports staged rows that the table''s own rules refuse: where the rows that follow are numbered, that has '
    'to be known first. Returns how many.';

create function import_keep_created(from_source text) returns void language plpgsql as $$
begin
    update staged_users s
    set created_at = u.created_at, updated_at = u.created_at
    from import_items i
    join users u on u.id = i.target_id
    where i.source = from_source and i.entity = 'users' and i.source_key = s.source_key and i.is_made;
end $$;

comment on function import_keep_created is
    'A source that does not say when its users came gives them the time of the first that they did: found once, it stays.';

create function import_refuse_late_messages(from_source text) returns bigint language plpgsql as $$
declare
    refused bigint;
begin
    -- What was said in the old app since goes into a conversation that is as it was left: where it was changed here, numbers
    -- would be given twice.
    with changed_conversation as materialized (
        select s.source_key, o.user_id
        from staged_conversations s
        join import_owners o on o.owner = s.owner
        cross join lateral (
            select i.user_id, i.target_id, i.mark from import_items i
            where i.user_id = o.user_id and i.entity = 'conversations' and i.source_key = s.source_key
              and i.source = from_source
            limit 1) i
        left join conversations c on c.user_id = i.user_id and c.id = i.target_id
        where c.version is distinct from i.mark),
    late_message as (
        delete from staged_messages m
        using changed_conversation c
        where m.conversation_id = c.source_key and not exists (
            select from import_items i
            where i.user_id = c.user_id and i.entity = 'messages' and i.source_key = m.source_key and i.source = from_source)
        returning m.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'messages', coalesce(m.at, m.source_key), m.owner, 'conversation_changed_here', to_json(m)
    from late_message m
    order by m.place;
    get diagnostics refused = row_count;

    -- What is no longer in the source stays here.
    update staged_conversations s
    set last_seq = c.last_seq, last_activity_at = greatest(s.last_activity_at, c.last_activity_at)
    from import_owners o
    join import_items i on i.user_id = o.user_id
    join conversations c on c.user_id = i.user_id and c.id = i.target_id
    where o.owner = s.owner and i.entity = 'conversations' and i.source_key = s.source_key and i.source = from_source
      and c.version = i.mark and c.last_seq > s.last_seq;
    return refused;
end $$;

comment on function import_refuse_late_messages is
    'Takes out new messages of conversations that were changed here since; the others stay as long as they are here. Returns '
    'how many were taken out.';

create function import_settle_conversations(from_source text) returns bigint language plpgsql as $$
declare
    refused bigint;
    late bigint;
begin
    perform import_keep_created(from_source);
    -- The users that an earlier part of the same run brought.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.owner, u.id, false, 'known'
    from (select distinct owner from staged_conversations) s
    cross join lateral (
        select target_id from import_items i
        where i.source = from_source and i.entity = 'users' and i.source_key = s.owner limit 1) i
    join users u on u.id = i.target_id
    on conflict do nothing;

    update staged_usage s
    set created_at = u.created_at
    from import_owners o
    join import_items i on i.user_id = o.user_id
    join usage u on u.user_id = o.user_id
    where o.owner = s.owner and i.entity = 'usage' and i.source_key = s.source_key and i.source = from_source;

    -- Messages are numbered without a gap.
    refused := import_refuse('messages');
    if refused > 0 then
        with numbered_message as (
            select place, row_number() over (partition by conversation_id order by seq) as seq from staged_messages)
        update staged_messages s set seq = n.seq from numbered_message n where n.place = s.place and n.seq <> s.seq;
        with counted_conversation as (
            select c.place, count(m.place) as messages
            from staged_conversations c
            left join staged_messages m on m.conversation_id = c.source_key
            group by c.place)
        update staged_conversations c
        set last_seq = n.messages
        from counted_conversation n
        where n.place = c.place and n.messages <> c.last_seq;
    end if;

    late := import_refuse_late_messages(from_source);
    return refused + late;
end $$;

comment on function import_settle_conversations is
    'Takes out messages that cannot come, and numbers the others. Returns how many were taken out.';

-- migrate:down
drop function import_settle_conversations(text);
drop function import_refuse_late_messages(text);
drop function import_keep_created(text);
drop function import_refuse(regclass);
