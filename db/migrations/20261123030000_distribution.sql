-- migrate:up

-- Where a table belongs in a cluster is read from the catalog, so that no list of tables can be out of date. What Citus adds
-- to PostgreSQL is named inside of plpgsql only, which looks for it when it comes to it: a database without Citus has these
-- functions as well, and never calls what it lacks.

create function is_shard(entity regclass) returns boolean
language plpgsql stable as $$
begin
    if to_regproc('relation_is_a_known_shard') is null then
        return false;
    end if;
    return relation_is_a_known_shard(entity);
end $$;

comment on function is_shard is 'Whether a table is a part of one: the coordinator has shards of its own beside the tables.';

create function table_placements() returns table (entity regclass, placement text)
language sql stable as $$
-- A key that must be unique is unique shard by shard: without user_id in it, it would not be, and the table stays.
with recursive listed_table as (
    select c.oid as entity,
        exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id' and a.attnotnull)
            and not exists (
                select from pg_index i
                where i.indrelid = c.oid
                  and i.indisunique
                  and not exists (
                      select from pg_attribute a
                      where a.attrelid = c.oid and a.attname = 'user_id' and a.attnum = any (i.indkey::smallint[])))
            as is_by_user
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and not is_shard(c.oid)),
-- What points at a table that stays, stays with it. What a user stores is looked up together with the user's token: were it on
-- the workers, nobody would get in while one of them is away.
staying_table as (
    select entity
    from listed_table
    where not is_by_user and entity <> 'users'::regclass or entity = to_regclass('storage_use')
    union
    select c.conrelid from staying_table s join pg_constraint c on c.contype = 'f' and c.confrelid = s.entity)
select t.entity::regclass,
    case
        when t.entity = 'users'::regclass then 'everywhere'
        when s.entity is null then 'by user'
        else 'coordinator'
    end
from listed_table t
left join staying_table s on s.entity = t.entity
order by t.entity::regclass::text
$$;

comment on function table_placements is
    'Where the rows of a table belong in a cluster: everywhere (users), by user (on one worker), or on the coordinator.';

create function is_distributed() returns boolean
language plpgsql stable as $$
begin
    if to_regclass('pg_dist_partition') is null then
        return false;
    end if;
    return exists (
        select from pg_dist_partition where logicalrelid = 'users'::regclass and partmethod = 'n' and repmodel = 't');
end $$;

comment on function is_distributed is 'Whether holdfast distribute has spread the tables over the workers of a Citus cluster.';

create function placed_tables() returns table (entity regclass, placement text, is_placed boolean, bytes bigint)
language plpgsql stable as $$
begin
    if not is_distributed() then
        return query
            select p.entity, p.placement, p.placement = 'coordinator', pg_total_relation_size(p.entity)
            from table_placements() p;
        return;
    end if;
    return query
        select p.entity, p.placement,
            p.placement = case
                when d.partmethod = 'h' and d.colocationid = tasks.colocationid then 'by user'
                when d.repmodel = 't' then 'everywhere'
                else 'coordinator'
            end,
            case
                when d.logicalrelid is null then pg_total_relation_size(p.entity)
                else coalesce(citus_total_relation_size(p.entity, fail_on_error => false), 0)
            end
        from table_placements() p
        left join pg_dist_partition d on d.logicalrelid = p.entity
        left join pg_dist_partition tasks on tasks.logicalrelid = 'tasks'::regclass;
end $$;

comment on function placed_tables is
    'Where each table belongs, whether it is there, and its bytes. One that belongs by user and is not there was forgotten.';

create function cluster_nodes()
returns table (name text, port integer, is_coordinator boolean, has_shards boolean, is_active boolean, is_reachable boolean)
language plpgsql stable as $$
begin
    if to_regclass('pg_dist_node') is null then
        return;
    end if;
    -- It would ask the local server alone, without being told where that is.
    if not exists (select from pg_dist_node) then
        return;
    end if;
    return query
        select n.nodename, n.nodeport, n.groupid = 0, n.shouldhaveshards, n.isactive, n.groupid = 0 or coalesce(h.result, false)
        from pg_dist_node n
        left join pg_dist_node coordinator on coordinator.groupid = 0
        left join citus_check_cluster_node_health() h on h.to_nodename = n.nodename and h.to_nodeport = n.nodeport
            and h.from_nodename = coordinator.nodename and h.from_nodeport = coordinator.nodeport
        where n.noderole = 'primary'
        order by n.nodeid;
end $$;

comment on function cluster_nodes is
    'The servers of the Citus cluster that this is the coordinator of, and whether it reaches them; none without Citus.';

create procedure distribute_table(entity regclass)
language plpgsql as $$
begin
    if not is_distributed() then
        return;
    end if;
    perform set_config('citus.enable_unsafe_triggers', 'on', true),
        set_config('citus.multi_shard_modify_mode', 'sequential', true);
    if (select p.placement = 'by user' from table_placements() p where p.entity = $1) then
        perform create_distributed_table(entity, 'user_id', colocate_with => 'tasks');
    end if;
end $$;

comment on procedure distribute_table is
    'What a migration calls for a table that it has made, before its foreign keys: in a cluster it is spread over the workers.';

create function table_comments() returns text[]
language sql stable as $$
select coalesce(array_agg(format(
    case
        when d.objsubid > 0 then 'comment on column %1$I.%2$I is %3$L'
        when c.relkind = 'v' then 'comment on view %1$I is %3$L'
        else 'comment on table %1$I is %3$L'
    end,
    c.relname, a.attname, d.description)), '{}')
from pg_description d
join pg_class c on c.oid = d.objoid and c.relkind in ('r', 'v')
left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
where d.classoid = 'pg_class'::regclass and c.relnamespace = current_schema()::regnamespace
$$;

comment on function table_comments is
    'The statements that write the comments of tables and views again: Citus makes them anew, without.';

create function distribute_tables() returns void
language plpgsql as $$
declare
    missing regprocedure;
    moved regclass;
    forgotten regclass;
    reference record;
    dropped text[] := '{}';
    comments constant text[] := table_comments();
    lost text;
begin
    if is_distributed() then
        -- What a migration has forgotten.
        for forgotten in select p.entity from placed_tables() p where p.placement = 'by user' and not p.is_placed loop
            call distribute_table(forgotten);
        end loop;
        return;
    end if;
    perform set_config('citus.enable_unsafe_triggers', 'on', true),
        set_config('citus.multi_shard_modify_mode', 'sequential', true);
    -- Statements of later sessions need them, too: a cascade from users to the shards, and triggers of shards that are moved.
    execute format('alter database %I set citus.enable_unsafe_triggers = on', current_database());
    execute format('alter database %I set citus.multi_shard_modify_mode = sequential', current_database());
    -- Those that were made before Citus was there.
    for missing in
        select p.oid
        from pg_proc p
        where p.pronamespace = current_schema()::regnamespace
          and not exists (
              select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
          and not exists (
              select from pg_dist_object o where o.classid = 'pg_proc'::regclass and o.objid = p.oid)
        order by p.oid
    loop
        perform create_distributed_function(missing);
    end loop;
    -- Between a table that is distributed and one that is not yet, Citus takes none.
    for reference in
        select conrelid::regclass as entity, conname as name, pg_get_constraintdef(oid) as definition
        from pg_constraint
        where contype = 'f'
          and conrelid in (select p.entity from table_placements() p where p.placement = 'by user')
           or confrelid = 'users'::regclass
        order by conrelid::regclass::text, conname
    loop
        execute format('alter table %s drop constraint %I', reference.entity, reference.name);
        dropped := dropped
            || format('alter table %s add constraint %I %s', reference.entity, reference.name, reference.definition);
    end loop;
    perform create_reference_table('users');
    perform create_distributed_table('tasks', 'user_id', colocate_with => 'none');
    for moved in
        select p.entity from table_placements() p where p.placement = 'by user' and p.entity <> 'tasks'::regclass
    loop
        perform create_distributed_table(moved, 'user_id', colocate_with => 'tasks');
    end loop;
    foreach lost in array dropped || comments loop
        execute lost;
    end loop;
end $$;

comment on function distribute_tables is 'Spreads the tables over the workers of a Citus cluster, rows and all.';

create function set_options_of_shards() returns void
language plpgsql as $$
declare
    given record;
begin
    for given in
        select p.entity, a.attname as name, array_to_string(a.attoptions, ', ') as options
        from table_placements() p
        join pg_attribute a on a.attrelid = p.entity and a.attoptions is not null
        where p.placement = 'by user'
    loop
        if exists (
            select from run_command_on_shards(
                given.entity, format('alter table %%s alter column %I set (%s)', given.name, given.options)) r
            where not r.success) then
            raise exception 'the options of the shards of % could not be set', given.entity;
        end if;
    end loop;
end $$;

comment on function set_options_of_shards is
    'Gives the shards what a migration has told the planner about columns: Citus does not, nor where a shard is moved.';

create function undistribute_tables() returns void
language plpgsql as $$
declare
    remembered record;
    left_over regclass;
    comments constant text[] := table_comments();
    options constant text[] := array(
        select format('alter table %s alter column %I set (%s)', p.entity, a.attname, array_to_string(a.attoptions, ', '))
        from table_placements() p
        join pg_attribute a on a.attrelid = p.entity and a.attoptions is not null);
    lost text;
begin
    -- With each come all that are tied to it by foreign keys: with users nearly all.
    perform undistribute_table('users', cascade_via_foreign_keys => true);
    loop
        left_over := (select min(logicalrelid::text) from pg_dist_partition);
        exit when left_over is null;
        perform undistribute_table(left_over, cascade_via_foreign_keys => true);
    end loop;
    foreach lost in array comments || options loop
        execute lost;
    end loop;
    -- From PostgreSQL 18 on these have names, and here those of tables that were made in between.
    for remembered in
        select conrelid::regclass as entity, conname as name, format('%s_%s_not_null', c.relname, a.attname) as wanted
        from pg_constraint
        join pg_class c on c.oid = conrelid and c.relnamespace = current_schema()::regnamespace
        join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
        where contype = 'n' and conname ~ '_[0-9]+_.*_not_null$'
    loop
        execute format('alter table %s rename constraint %I to %I', remembered.entity, remembered.name, remembered.wanted);
    end loop;
    execute format('alter database %I reset citus.enable_unsafe_triggers', current_database());
    execute format('alter database %I reset citus.multi_shard_modify_mode', current_database());
end $$;

comment on function undistribute_tables is 'Brings all rows back to the coordinator, into plain tables.';

-- migrate:down
drop function undistribute_tables();
drop function set_options_of_shards();
drop function distribute_tables();
drop function table_comments();
drop procedure distribute_table(regclass);
drop function cluster_nodes();
drop function placed_tables();
drop function is_distributed();
drop function table_placements();
drop function is_shard(regclass);
