-- migrate:up

create function table_sizes() returns table (entity regclass, bytes_of_rows bigint, bytes_of_indexes bigint)
language plpgsql stable as $$
begin
    if not is_distributed() then
        return query
            select c.oid::regclass, pg_table_size(c.oid), pg_indexes_size(c.oid)
            from pg_class c
            where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace;
        return;
    end if;
    return query
        select s.entity, s.bytes_of_rows, s.bytes_in_all - s.bytes_of_rows
        from (
            select c.oid::regclass as entity,
                case when d.logicalrelid is null then pg_table_size(c.oid) else citus_table_size(c.oid) end as bytes_of_rows,
                case
                    when d.logicalrelid is null then pg_total_relation_size(c.oid)
                    else citus_total_relation_size(c.oid)
                end as bytes_in_all
            from pg_class c
            left join pg_dist_partition d on d.logicalrelid = c.oid
            where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace) s;
end $$;

comment on function table_sizes is
    'The bytes of each table, by its files: of its rows with what is stored beside them, and of its indexes; in a cluster on all servers.';

create function database_bytes() returns bigint
language plpgsql stable as $$
declare
    elsewhere bigint;
    are_reached boolean;
begin
    if not is_distributed() then
        return pg_database_size(current_database());
    end if;
    select sum(case when w.success then w.result::bigint end), bool_and(w.success)
    into elsewhere, are_reached
    from run_command_on_workers('select pg_database_size(current_database())') w;
    if not are_reached then
        raise 'a worker is away' using errcode = 'connection_failure';
    end if;
    return pg_database_size(current_database()) + elsewhere;
end $$;

comment on function database_bytes is 'The bytes of the whole database; in a cluster on all servers, and 08006 while one is away.';

-- migrate:down
drop function database_bytes();
drop function table_sizes();
