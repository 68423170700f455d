-- migrate:up

create function import_compare(run uuid, from_source text, entity regclass, first bigint, last bigint)
returns table (outcome text, rows bigint, source_sum numeric, target_sum numeric, sample json) language plpgsql as $$
declare
    parts record;
begin
    select * into parts from import_parts(entity, true);
    return query execute format($statement$
        with judged as materialized (select c.*, %2$s as import_rule from (%1$s offset 0) c),
        linked as %11$s (%3$s),
        compared as materialized (
            select c.import_key, (%4$s) is not distinct from (%5$s) as is_same,
                case
                    when not c.import_is_known then
                        case when c.import_rule is null and r.place is null then 'absent' else 'rejected' end
                    when not c.import_is_made then 'merged'
                    when t is null then 'deleted here'
                    when (%4$s) is not distinct from (%5$s) then 'same'
                    when %6$s <> c.import_old_mark then 'changed here'
                    when c.import_checksum <> c.import_old_checksum then 'changed in the source'
                    else 'different'
                end as outcome,
                hash_record_extended(row(%4$s), 0) as source_hash,
                hash_record_extended(row(%5$s), 0) as target_hash,
                case when (%4$s) is distinct from (%5$s) then json_build_array(%4$s) end as source_values,
                case when (%4$s) is distinct from (%5$s) then json_build_array(%5$s) end as target_values
            from linked c
            -- With its bounds once more, or the planner reads all that is staged for each chunk.
            join staged_%10$s s on s.place = c.import_place and s.place between $3 and $4
            -- Those that another row stood in the way of are known by their report alone.
            left join (
                select distinct p.place
                from import_reports p
                join imports m on m.id = p.import_id
                where m.source = $2 and m.status <> 'rolled_back' and p.entity = %10$L and p.kind = 'rejected') r
                on r.place = coalesce(s.at, s.source_key)
            -- Without the limit all of a large table is read for each chunk, and joined by a hash.
            left join lateral (select * from %7$s t where %8$s limit 1) t on true)
        select outcome, count(*), sum(source_hash::numeric), sum(target_hash::numeric),
            (select json_agg(json_build_object(
                'key', d.import_key, 'columns', %9$L::json, 'source', d.source_values, 'target', d.target_values))
                from (
                    select import_key, source_values, target_values
                    from compared c
                    where not c.is_same and c.outcome = compared.outcome and c.outcome not in ('rejected', 'merged')
                    order by import_key
                    limit 5) d)
        from compared
        group by outcome
        $statement$,
        parts.candidate, parts.rule, parts.linked, format(parts.same, 'c'), format(parts.same, 't'),
        format(parts.mark, 't'), entity, parts.target,
        (select json_agg(trim('"' from name) order by place) from import_columns(entity) where name <> 'id'), entity::text,
        case when parts.has_own_references then 'materialized' else 'not materialized' end)
    using run, from_source, first, last;
end $$;

comment on function import_compare is
    'What has become of staged rows: how many are the same here, column by column, and some of those that are not. The sums of '
    'the hashes of rows that are the same are equal, in any order.';

-- migrate:down
drop function import_compare(uuid, text, regclass, bigint, bigint);
