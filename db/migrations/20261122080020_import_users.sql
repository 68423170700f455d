-- migrate:up

create function import_begin() returns void language plpgsql as $$
begin
    create temporary table if not exists import_owners (
        owner text primary key, user_id uuid, is_own boolean not null, outcome text not null) on commit delete rows;
    create temporary table if not exists staged_reports (
        kind text not null, entity text not null, place text not null, owner text, rule text not null, content json)
        on commit delete rows;
    truncate import_owners, staged_reports;
end $$;

comment on function import_begin is
    'Makes, or empties, the temporary tables of which account each user of the source has here, and of what is to be reported.';

create function import_place_users(run uuid, from_source text, into_existing boolean) returns bigint language plpgsql as $$
begin
    analyze staged_users;
    -- Those that an earlier import brought.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.source_key, u.id, i.is_made, 'known'
    from staged_users s
    join import_items i on i.source = from_source and i.entity = 'users' and i.source_key = s.source_key
    left join users u on u.id = i.target_id
    on conflict do nothing;

    -- Nobody chooses the id of their account: who has the one of an export is whose it was.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.source_key, u.id, false, 'same_id'
    from staged_users s
    join users u on u.id = s.id
    on conflict do nothing;

    -- The provider said that it is them.
    insert into import_owners (owner, user_id, is_own, outcome)
    select distinct on (s.source_key) s.source_key, d.user_id, false, 'same_identity'
    from staged_users s
    join staged_identities t on t.owner = s.source_key
    join identities d on d.provider = t.provider and d.subject = t.subject
    order by s.source_key, d.user_id
    on conflict do nothing;

    -- Whoever registers with another's e-mail address must not be given their data: the address is proved, or the account came
    -- by an import as well.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.source_key,
        case when into_existing or u.email_verified_at is not null or made.is_made then u.id end,
        false,
        case when into_existing or u.email_verified_at is not null or made.is_made then 'same_email' else 'unproved_email' end
    from staged_users s
    join users u on normal_login(u.email) = normal_login(s.email)
    cross join lateral (
        select exists (
            select from import_items i where i.user_id = u.id and i.entity = 'users' and i.is_made) as is_made) made
    on conflict do nothing;

    -- The others are new: those with one e-mail address are one account, made of the oldest.
    insert into import_owners (owner, user_id, is_own, outcome)
    with placed_user as (
        select s.source_key, first_value(s.source_key) over same_user as first_key, s.id, s.created_at, s.place
        from staged_users s
        where not exists (select from import_owners o where o.owner = s.source_key)
        window same_user as (
            partition by coalesce(normal_login(s.email), s.source_key) order by s.created_at, s.place)),
    identified_user as materialized (
        select source_key, coalesce(id, new_id(created_at), new_id()) as id from placed_user where source_key = first_key)
    select p.source_key, i.id, p.source_key = p.first_key,
        case when p.source_key = p.first_key then 'new' else 'same_email' end
    from placed_user p
    join identified_user i on i.source_key = p.first_key
    on conflict do nothing;

    insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
    select run, case when o.outcome = 'unproved_email' then 'rejected' else 'merged' end, 'users', coalesce(s.at, s.source_key),
        null, o.outcome, (to_jsonb(s) - 'password_hash')::json
    from import_owners o
    join staged_users s on s.source_key = o.owner
    where o.outcome in ('same_id', 'same_identity', 'same_email', 'unproved_email')
    order by s.place;

    -- A name that another account has cannot be had twice; the account is worth more than its name.
    with placed_name as (
        select s.place,
            row_number() over (partition by normal_login(s.username) order by s.created_at, s.place) > 1
            or exists (
                select from users u where normal_login(u.username) = normal_login(s.username) and u.id <> o.user_id) as is_taken
        from staged_users s
        join import_owners o on o.owner = s.source_key and o.is_own
        where s.username is not null),
    told as (
        insert into import_reports (import_id, kind, entity, place, rule, content)
        select run, 'changed', 'users', coalesce(s.at, s.source_key), 'users_username_unique',
            (to_jsonb(s) - 'password_hash')::json
        from placed_name n
        join staged_users s using (place)
        where n.is_taken
        order by s.place)
    update staged_users s set username = null from placed_name n where n.place = s.place and n.is_taken;

    analyze import_owners;
    return (select count(*) from import_owners where outcome = 'unproved_email');
end $$;

comment on function import_place_users is
    'Finds the account of each staged user: the one of an earlier import, of the same id, identity or e-mail address, or '
    'a new one, with the id that it had where the source is an export. Returns how many get none.';

create function import_place_owner(named text, account uuid) returns void language plpgsql as $$
begin
    insert into import_owners (owner, user_id, is_own, outcome) values (named, account, false, 'named');
end $$;

comment on function import_place_owner is 'Gives the rows of a source without users to an account.';

create function import_keep_reports(run uuid) returns void language plpgsql as $$
begin
    with staged as (delete from staged_reports returning kind, entity, place, owner, rule, content)
    insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
    select run, s.kind, s.entity, s.place, o.user_id, s.rule, s.content
    from staged s
    left join import_owners o using (owner);
end $$;

comment on function import_keep_reports is
    'Takes over what the source itself reported, once it is known whose it is.';

create function import_keep_users(run uuid, from_source text) returns bigint language plpgsql as $$
declare
    merged bigint;
begin
    -- Those that import_move() refused have no account.
    update import_owners o set user_id = null
    where o.user_id is not null and not exists (select from users u where u.id = o.user_id);

    insert into import_items (source, entity, source_key, import_id, user_id, target_id, is_made, checksum, mark)
    select from_source, 'users', owner, run, user_id, user_id, false, 0, 0
    from import_owners
    where user_id is not null and outcome in ('same_id', 'same_identity', 'same_email')
    on conflict do nothing;
    get diagnostics merged = row_count;
    return merged;
end $$;

comment on function import_keep_users is
    'Remembers, after the users were moved, which rows of the source belong to accounts that were here. Returns how many.';

-- migrate:down
drop function import_keep_users(uuid, text);
drop function import_keep_reports(uuid);
drop function import_place_owner(text, uuid);
drop function import_place_users(uuid, text, boolean);
drop function import_begin();
