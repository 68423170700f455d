-- migrate:up

create function import_forget_gone(owner uuid, from_source text) returns bigint language plpgsql as $$
declare
    entity text;
    gone bigint := 0;
    forgotten bigint;
begin
    for entity in select distinct i.entity from import_items i where i.user_id = owner and i.source = from_source loop
        execute format(
            'delete from import_items i where i.user_id = $1 and i.source = $2 and i.entity = %L '
            'and not exists (select from %s t where t.%s = $1%s)',
            entity, entity::regclass, case when entity = 'users' then 'id' else 'user_id' end,
            (select string_agg(
                    format(case when k.is_id then ' and t.%s = i.target_id' else ' and t.%s::text = i.target_part' end, k.name),
                    '')
                from import_keys(entity::regclass) k))
        using owner, from_source;
        get diagnostics forgotten = row_count;
        gone := gone + forgotten;
    end loop;
    return gone;
end $$;

comment on function import_forget_gone is
    'Forgets which rows of a user came by imports of a source and were deleted since, so that an import brings them '
    'again. Returns how many.';

-- migrate:down
drop function import_forget_gone(uuid, text);
