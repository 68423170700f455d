-- migrate:up

-- analyze takes no parameter: a statement of its own for each table is made here.
create function analyze_new_tables() returns integer
language plpgsql as $$
declare
    new_table regclass;
    analyzed integer := 0;
begin
    -- Not those without a row: the planner's guess for a table that it knows nothing about is better than statistics of an
    -- empty one.
    for new_table in
        select relid
        from pg_stat_user_tables
        where schemaname = current_schema() and last_analyze is null and last_autoanalyze is null and pg_relation_size(relid) > 0
        order by relid
    loop
        execute format('analyze (skip_locked) %s', new_table);
        analyzed := analyzed + 1;
    end loop;
    return analyzed;
end $$;

comment on function analyze_new_tables() is 'Gives the planner statistics of tables that have rows and were never analyzed.';

-- migrate:down
drop function analyze_new_tables();
