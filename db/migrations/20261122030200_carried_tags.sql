-- migrate:up

-- What the statements of lists share. All three are inlined into them: no list pays for what it does not ask for.

create function tags_of(owner uuid, kind text, carrier uuid)
returns table (id uuid, name text, slug text, category text, color text)
language sql stable parallel safe as $$
    select t.id, t.name, t.slug, t.category, t.color
    from taggings g
    join tags t on t.user_id = g.user_id and t.id = g.tag_id
    where g.user_id = owner and g.taggable_id = carrier and g.taggable_type = kind
    order by t.name, t.id
    limit 100
$$;

comment on function tags_of is 'The tags that a row of a user carries, the first 100 by name.';

create function with_tags(item json, tags json) returns text language sql immutable parallel safe
return left(item::text, -1) || ',"tags":' || coalesce(tags, '[]')::text || '}';

comment on function with_tags is 'The JSON of a row, with its tags as one member more.';

create function tagged(owner uuid, kind text, slugs text[]) returns table (id uuid)
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

comment on function tagged is 'The rows of a user that carry all of some tags, which are named by different slugs.';

-- migrate:down
drop function tagged(uuid, text, text[]);
drop function with_tags(json, json);
drop function tags_of(uuid, text, uuid);
