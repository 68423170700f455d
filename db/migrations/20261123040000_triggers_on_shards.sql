-- migrate:up

-- In a cluster a trigger of a user's table runs at a shard, on a worker: there it reaches that shard, and those beside it, by
-- their own names, and no table of the coordinator. A trigger of users runs once on every server.

-- A change of a user has one time, which the statement gives, and one version, which is made of it: taken from the clock by
-- each server, they would differ. As in touch() what is given is kept, a time of
-- before as well; what changes nothing else is no change.
create function touch_user() returns trigger
language plpgsql as $$
declare
    apart constant text[] := array['updated_at', 'last_login_at', 'password_hash', 'is_verified'];
    is_import constant boolean := coalesce(current_setting('holdfast.is_import', true), '') = 'on';
begin
    if to_jsonb(old) - apart is not distinct from to_jsonb(new) - apart
        and (new.updated_at = old.updated_at or new.updated_at > old.updated_at and not is_import) then
        new.updated_at := old.updated_at;
        return new;
    end if;
    if is_import then
        new.version := greatest(old.version + 1, new_version());
        return new;
    end if;
    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;
    new.version := greatest(old.version + 1, (extract(epoch from new.updated_at) * 1000000)::bigint);
    return new;
end $$;

comment on function touch_user is 'touch() for users: version comes from the time that the statement gives, on all servers.';

-- A worker's error has no fields: constraints that triggers keep are named in the message.
-- Statement by statement: in a cluster no two changes of a table are one.
drop trigger users_touch on users;

create trigger users_touch before update on users for each row execute function touch_user();

-- As "case frequency when", Citus writes what it inlines as another comparison.
create or replace function default_target_days(frequency text) returns integer
language sql immutable parallel safe
return case when frequency in ('weekly', 'monthly') then 1 when frequency = 'custom' then 7 end;

-- What an "on conflict" has to know of what its statement has found travels in the row that is proposed: Citus sends it no
-- parameters. The lowest bit of a version is a microsecond that nobody misses.
create function version_for_put(may_replace boolean) returns bigint
language sql volatile parallel safe
return (new_version() & ~1::bigint) | may_replace::integer;

comment on function version_for_put is
    'The version of a row that a put proposes. It is odd where the row may replace one that another put has made meanwhile.';

create or replace function forget_import_items() returns trigger
language plpgsql as $$
begin
    if to_regclass('import_items') is not null then
        delete from import_items where user_id = old.id;
    end if;
    return null;
end $$;

create function is_coordinator() returns boolean
language plpgsql as $$
begin
    if to_regclass('pg_dist_local_group') is null then
        return true;
    end if;
    return (select groupid = 0 from pg_dist_local_group);
end $$;

comment on function is_coordinator is 'Whether this server is the one that the app talks to, and no worker of a cluster.';

-- Whoever listens does so at the coordinator; a worker's part of a transaction may not notify at all.
create or replace function notify_caller_changed() returns trigger
language plpgsql as $$
begin
    if tg_table_name in ('users', 'identities') or is_coordinator() then
        perform pg_notify('tokens_ended', '');
    end if;
    return null;
end $$;

create or replace function keep_an_admin() returns trigger
language plpgsql as $$
declare
    has_another boolean;
begin
    perform pg_advisory_xact_lock(hashtext('users_last_admin'));
    if tg_table_name = 'users' then
        has_another := exists (select from users where role = 'admin' and is_active and id <> old.id);
    else
        execute format(
            'select exists (select from %s where role = ''admin'' and is_active and id <> $1)', tg_relid::regclass)
            into has_another using old.id;
    end if;
    if not has_another then
        raise check_violation using
            message = 'the last active admin stays one, by constraint "users_last_admin"', table = 'users',
            constraint = 'users_last_admin';
    end if;
    return coalesce(new, old);
end $$;

create function keep_goals_of_shard_shallow(shard regclass, operation text, owner uuid, goal_id uuid, above_id uuid)
returns void
language plpgsql as $$
declare
    above integer;
    below integer := 0;
begin
    execute format(
        'with recursive reached_ancestor as (
            select $2 as id, 1 as level
            union all
            select parent.parent_id, r.level + 1
            from reached_ancestor r
            cross join lateral (select g.parent_id from %s g where g.user_id = $1 and g.id = r.id limit 1) parent
            where r.level < 100 and parent.parent_id is not null)
        select max(level) from reached_ancestor', shard)
        into above using owner, above_id;
    if operation = 'UPDATE' and above < 100 then
        execute format(
            'with recursive reached_goal as (
                select $2 as id, 0 as level
                union all
                select child.id, r.level + 1
                from reached_goal r
                cross join lateral (
                    select g.id from %s g where g.user_id = $1 and g.parent_id = r.id limit 10000) child
                where $3 + r.level < 100)
            select max(level) from (select level from reached_goal limit 10000) counted', shard)
            into below using owner, goal_id, above;
    end if;
    if above + 1 + below > 100 then
        raise check_violation using
            message = 'a goal is too deep, by constraint "goals_depth"', table = 'goals', constraint = 'goals_depth';
    end if;
end $$;

comment on function keep_goals_of_shard_shallow is 'keep_goals_shallow() in a cluster.';

create or replace function keep_goals_shallow() returns trigger
language plpgsql as $$
declare
    above integer;
    below integer := 0;
begin
    if tg_table_name <> 'goals' then
        perform keep_goals_of_shard_shallow(tg_relid, tg_op, new.user_id, new.id, new.parent_id);
        return new;
    end if;
    with recursive reached_ancestor as (
        select new.parent_id as id, 1 as level
        union all
        select parent.parent_id, r.level + 1
        from reached_ancestor r
        cross join lateral (
            select g.parent_id from goals g where g.user_id = new.user_id and g.id = r.id limit 1) parent
        where r.level < 100 and parent.parent_id is not null)
    select max(level) into above from reached_ancestor;
    if tg_op = 'UPDATE' and above < 100 then
        with recursive reached_goal as (
            select new.id as id, 0 as level
            union all
            select child.id, r.level + 1
            from reached_goal r
            cross join lateral (
                select g.id from goals g where g.user_id = new.user_id and g.parent_id = r.id limit 10000) child
            where above + r.level < 100)
        select max(level) into below from (select level from reached_goal limit 10000) counted;
    end if;
    if above + 1 + below > 100 then
        raise check_violation using
            message = 'a goal is too deep, by constraint "goals_depth"', table = 'goals', constraint = 'goals_depth';
    end if;
    return new;
end $$;

-- migrate:down
create or replace function keep_goals_shallow() returns trigger
language plpgsql as $$
declare
    above integer;
    below integer := 0;
begin
    with recursive reached_ancestor as (
        select new.parent_id as id, 1 as level
        union all
        select parent.parent_id, r.level + 1
        from reached_ancestor r
        cross join lateral (
            select g.parent_id from goals g where g.user_id = new.user_id and g.id = r.id limit 1) parent
        where r.level < 100 and parent.parent_id is not null)
    select max(level) into above from reached_ancestor;
    if tg_op = 'UPDATE' and above < 100 then
        with recursive reached_goal as (
            select new.id as id, 0 as level
            union all
            select child.id, r.level + 1
            from reached_goal r
            cross join lateral (
                select g.id from goals g where g.user_id = new.user_id and g.parent_id = r.id limit 10000) child
            where above + r.level < 100)
        select max(level) into below from (select level from reached_goal limit 10000) counted;
    end if;
    if above + 1 + below > 100 then
        raise check_violation using
            message = 'a goal is too deep', table = 'goals', constraint = 'goals_depth';
    end if;
    return new;
end $$;

drop function keep_goals_of_shard_shallow(regclass, text, uuid, uuid, uuid);

create or replace function keep_an_admin() returns trigger
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('users_last_admin'));
    if not exists (select from users where role = 'admin' and is_active and id <> old.id) then
        raise check_violation using
            message = 'the last active admin stays one', table = 'users', constraint = 'users_last_admin';
    end if;
    return coalesce(new, old);
end $$;

create or replace function forget_import_items() returns trigger
language plpgsql as $$
begin
    delete from import_items where user_id = old.id;
    return null;
end $$;

create or replace function notify_caller_changed() returns trigger
language plpgsql as $$
begin
    perform pg_notify('tokens_ended', '');
    return null;
end $$;

drop function is_coordinator();
drop function version_for_put(boolean);

create or replace function default_target_days(frequency text) returns integer
language sql immutable parallel safe
return case frequency when 'weekly' then 1 when 'custom' then 7 when 'monthly' then 1 end;

drop trigger users_touch on users;

create trigger users_touch before update on users
    for each row execute function touch('last_login_at', 'password_hash', 'is_verified');

drop function touch_user();
