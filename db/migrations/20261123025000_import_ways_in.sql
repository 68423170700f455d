-- migrate:up

create function import_unasked() returns regclass[] language sql stable as $$
    select array[
        'sessions', 'api_tokens', 'storage_use', 'media_links', 'media_thumbnails', 'import_items', 'import_reports',
        'pending_sign_ins', 'mail_tokens', 'outgoing_mails']::regclass[]
$$;

comment on function import_unasked is
    'The tables whose rows are no reason to keep an imported user: what an account has by itself, and what is made of a file.';

-- It named them itself; sign-in and mail have added three.
do $$
declare
    old constant text := pg_get_functiondef('import_undo(uuid, regclass, boolean)'::regprocedure);
    new constant text := regexp_replace(old, 'array\[\s*''sessions''.*?\]::regclass\[\]', 'import_unasked()');
begin
    if new = old then
        raise exception 'import_undo does not name its tables as expected';
    end if;
    execute new;
end $$;

create function import_keep_ways_in(run uuid) returns bigint language plpgsql as $$
declare
    parts record;
    reasons text;
    kept bigint;
begin
    select * into parts from import_parts('users', true);
    select string_agg(format('exists (select from %s child where child.user_id = u.id)', f.conrelid::regclass), ' or ')
    into reasons
    from pg_constraint f
    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and a.attname = 'user_id'
    where f.contype = 'f' and f.confrelid = 'users'::regclass and f.conrelid <> 'identities'::regclass
      and f.conrelid <> all (import_unasked());
    execute format($statement$
        with staying as materialized (
            select u.id
            from import_items i
            join users u on u.id = i.user_id
            where i.import_id = $1 and i.entity = 'users' and i.is_made and (
                %s <> i.mark or %s or exists (
                    select from identities d
                    where d.user_id = u.id and not exists (
                        select from import_items k
                        where k.user_id = u.id and k.entity = 'identities' and k.target_id = d.id and k.import_id = $1)))),
        left_alone as (
            delete from import_items i using staying s
            where i.user_id = s.id and i.import_id = $1 and i.entity = 'identities' and i.is_made
            returning i.source_key)
        insert into import_reports (import_id, kind, entity, place, rule)
        select $1, 'kept', 'identities', source_key, 'changed_here' from left_alone
        $statement$, format(parts.mark, 'u'), reasons)
    using run;
    get diagnostics kept = row_count;
    return kept;
end $$;

comment on function import_keep_ways_in is
    'Leaves to the users who stay when a run is rolled back the identities by which they sign in. Called when of the run '
    'only these and the users themselves are left. Returns how many.';

-- migrate:down
do $$
begin
    execute replace(
        pg_get_functiondef('import_undo(uuid, regclass, boolean)'::regprocedure), 'import_unasked()',
        'array[
        ''sessions'', ''api_tokens'', ''storage_use'', ''media_links'', ''media_thumbnails'', ''import_items'',
        ''import_reports'']::regclass[]');
end $$;

drop function import_keep_ways_in(uuid);
drop function import_unasked();
