-- migrate:up

-- A function that reads tables of users is no part of a statement for Citus: it runs where it is called. At a shard it would
-- look into the worker's own table of that name, which is empty, and say nothing. So distributed tables have functions that
-- look for the user's shard first, and plain ones keep those that the planner makes a part of the statement.

create function shard_beside(entity regclass, owner uuid) returns text
language plpgsql stable as $$
declare
    shard constant text := format('%s_%s', entity, get_shard_id_for_distribution_column(entity, owner));
begin
    return case when to_regclass(shard) is null then entity::text else shard end;
end $$;

comment on function shard_beside is
    'In a cluster: the shard of a table that has a user''s rows, on the worker where it is; elsewhere the table.';

create function use_functions_of_shards() returns void
language plpgsql as $def$
begin
    create or replace function tagged(owner uuid, kind text, slugs text[]) returns table (id uuid)
    language plpgsql stable as $$
    begin
        return query execute format(
            'select g.taggable_id
            from %2$s t
            cross join lateral (
                select taggable_id
                from %1$s
                where user_id = $1 and tag_id = t.id and taggable_type = $2
                order by id
                offset 0) g
            where t.user_id = $1 and t.slug = any ($3)
            group by g.taggable_id
            having count(*) = cardinality($3)',
            shard_beside('taggings', owner), shard_beside('tags', owner))
            using owner, kind, slugs;
    end $$;

    create or replace function tags_of(owner uuid, kind text, carrier uuid)
    returns table (id uuid, name text, slug text, category text, color text)
    language plpgsql stable as $$
    begin
        return query execute format(
            'select t.id, t.name, t.slug, t.category, t.color
            from %1$s g
            join %2$s t on t.user_id = g.user_id and t.id = g.tag_id
            where g.user_id = $1 and g.taggable_id = $3 and g.taggable_type = $2
            order by t.name, t.id
            limit 100',
            shard_beside('taggings', owner), shard_beside('tags', owner))
            using owner, kind, carrier;
    end $$;
end $def$;

comment on function use_functions_of_shards is 'Has functions that statements of users call look for the shards, in a cluster.';

create function use_functions_of_tables() returns void
language plpgsql as $def$
begin
    create or replace function tagged(owner uuid, kind text, slugs text[]) returns table (id uuid)
    language sql stable parallel safe as $$
    -- In the order of the primary key, which has the links of a tag together: they are not looked for by the key of rows.
    select g.taggable_id
    from tags t
    cross join lateral (
        select taggable_id
        from taggings
        where user_id = owner and tag_id = t.id and taggable_type = kind
        order by id
        offset 0) g
    where t.user_id = owner and t.slug = any (slugs)
    group by g.taggable_id
    having count(*) = cardinality(slugs)
$$;

    create or replace function tags_of(owner uuid, kind text, carrier uuid)
    returns table (id uuid, name text, slug text, category text, color text)
    language sql stable parallel safe as $$
    select t.id, t.name, t.slug, t.category, t.color
    from taggings g
    join tags t on t.user_id = g.user_id and t.id = g.tag_id
    where g.user_id = owner and g.taggable_id = carrier and g.taggable_type = kind
    order by t.name, t.id
    limit 100
$$;
end $def$;

comment on function use_functions_of_tables is 'Takes back what use_functions_of_shards() did.';

do $$
begin
    if is_distributed() then
        perform use_functions_of_shards();
    end if;
end $$;

-- migrate:down
do $$
begin
    if is_distributed() then
        perform use_functions_of_tables();
    end if;
end $$;

drop function use_functions_of_tables();
drop function use_functions_of_shards();
drop function shard_beside(regclass, uuid);
