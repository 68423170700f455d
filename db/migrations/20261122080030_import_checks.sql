-- migrate:up

create function import_compare(run uuid, from_source text, entity regclass, first bigint, last bigint)
returns table (outcome text, rows bigint, source_sum numeric, target_sum numeric, sample json) language plpgsql as $$
declare
    parts record;
begin
    select * into parts from import_parts(entity, true);
    return query execute format($statement$
        with candidate as materialized (%1$s),
        judged as materialized (select c.*, %2$s as import_rule from candidate c),
        linked as materialized (%3$s),
        -- What was refused for the sake of another row, such as the second of a day.
        refused as materialized (
            select r.place from import_reports r where r.import_id = $1 and r.kind = 'rejected' and r.entity = %10$L),
        compared as (
            select c.import_key,
                case
                    when not c.import_is_known then
                        case when c.import_rule is null and coalesce(s.at, s.source_key) not in (select place from refused)
                            then 'absent' else 'rejected' end
                    when not c.import_is_made then 'merged'
                    when t is null then 'deleted here'
                    when (%4$s) is not distinct from (%5$s) then 'same'
                    when %6$s <> c.import_old_mark then 'changed here'
                    when c.import_checksum <> c.import_old_checksum then 'changed in the source'
                    else 'different'
                end as outcome,
                hashtextextended(row(%4$s)::text, 0) as source_hash,
                hashtextextended(row(%5$s)::text, 0) as target_hash,
                json_build_array(%4$s) as source_values, json_build_array(%5$s) as target_values
            from linked c
            join staged_%7$s s on s.place = c.import_place
            left join %7$s t on %8$s)
        select outcome, count(*), sum(source_hash::numeric), sum(target_hash::numeric),
            (json_agg(json_build_object(
                'key', import_key, 'columns', %9$L::json, 'source', source_values, 'target', target_values) order by import_key)
                filter (where outcome not in ('same', 'rejected', 'merged') and turn <= 5))
        from (select *, row_number() over (partition by outcome order by import_key) as turn from compared) numbered
        group by outcome
        $statement$,
        parts.candidate, parts.rule, parts.linked, format(parts.same, 'c'), format(parts.same, 't'),
        format(parts.mark, 't'), entity, parts.target,
        (select json_agg(trim('"' from name) order by place) from import_columns(entity) where name <> 'id'),
        entity::text)
    using run, from_source, first, last;
end $$;

comment on function import_compare is
    'What has become of staged rows: how many are the same here, column by column, and some of those that are not. The sums of '
    'the hashes of rows that are the same are equal, in any order.';

-- migrate:down
drop function import_compare(uuid, text, regclass, bigint, bigint);
