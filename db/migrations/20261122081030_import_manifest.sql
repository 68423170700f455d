-- migrate:up

-- What only all the staged rows of the life manifest can say (docs/decisions/0044): called before they are moved or compared.

create function import_cut_goals() returns void language plpgsql as $$
begin
    create temporary table if not exists import_chains (
        place bigint primary key, up bigint not null, least_place bigint not null) on commit delete rows;
    create temporary table if not exists import_cut (place bigint primary key, rule text not null) on commit delete rows;
    analyze staged_goals;

    -- Each goal and the one above it. One of another account is none: import_move() leaves it out.
    insert into import_chains (place, up, least_place)
    select c.place, p.place, c.place
    from staged_goals c
    join staged_goals p on p.source_key = c.parent_id
    join import_owners o on o.owner = c.owner
    join import_owners q on q.owner = p.owner and q.user_id = o.user_id;
    analyze import_chains;

    -- What no goal without a parent is above of is in a circle, or below one.
    with recursive reached_goal as (
        select s.place from staged_goals s where not exists (select from import_chains c where c.place = s.place)
        union all
        select c.place from reached_goal r join import_chains c on c.up = r.place)
    delete from import_chains c using reached_goal r where r.place = c.place;

    -- Each looks twice as far up in each round: in the end as far as there are goals, which is at one that is in a circle.
    for round in 0..ceil(log(2.0, greatest((select count(*) from import_chains), 1)))::integer loop
        update import_chains c set up = u.up, least_place = least(c.least_place, u.least_place)
        from import_chains u
        where u.place = c.up;
    end loop;
    insert into import_cut (place, rule)
    select place, 'goals_parent_circle'
    from import_chains
    where place = least_place and place in (select up from import_chains);
    perform import_cut_chosen_goals();
    delete from import_chains;
    delete from import_cut;

    -- goals_depth_of_new would end the import. Every hundredth goal of a chain begins a new one.
    insert into import_cut (place, rule)
    with recursive reached_goal as (
        select s.place, s.source_key, o.user_id, 1 as level, false as is_cut
        from staged_goals s
        join import_owners o on o.owner = s.owner
        where not exists (
            select from staged_goals p
            join import_owners q on q.owner = p.owner
            where p.source_key = s.parent_id and q.user_id = o.user_id)
        union all
        select s.place, s.source_key, o.user_id, r.level % 100 + 1, r.level = 100
        from reached_goal r
        join staged_goals s on s.parent_id = r.source_key
        join import_owners o on o.owner = s.owner and o.user_id = r.user_id)
    select place, 'goals_depth' from reached_goal where is_cut;
    perform import_cut_chosen_goals();
    delete from import_cut;
end $$;

comment on function import_cut_goals is
    'Takes the parent from one staged goal of each circle, and from those that would be below the 100th level; reports them.';

create function import_cut_chosen_goals() returns void language plpgsql as $$
begin
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'changed', 'goals', coalesce(s.at, s.source_key), s.owner, c.rule, to_json(s)
    from import_cut c
    join staged_goals s using (place)
    order by c.place;
    update staged_goals s set parent_id = null from import_cut c where c.place = s.place;
end $$;

comment on function import_cut_chosen_goals is 'Takes the parents from the goals that import_cut_goals() has chosen.';

create function import_part_slugs(from_source text) returns void language plpgsql as $$
begin
    with placed_entry as (
        select s.place,
            -- Whoever has it here keeps it.
            row_number() over (
                partition by o.user_id, s.slug
                order by (t.slug is not distinct from s.slug) desc, s.created_at, s.place) > 1
            or exists (
                select from blog_entries b
                where b.user_id = o.user_id and b.slug = s.slug and b.id is distinct from t.id) as is_taken
        from staged_blog_entries s
        join import_owners o on o.owner = s.owner
        left join import_items i
            on i.source = from_source and i.entity = 'blog_entries' and i.source_key = s.source_key
        left join blog_entries t on t.user_id = o.user_id and t.id = i.target_id),
    told as (
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'changed', 'blog_entries', coalesce(s.at, s.source_key), s.owner, 'blog_entries_slug_unique', to_json(s)
        from placed_entry p
        join staged_blog_entries s using (place)
        where p.is_taken
        order by p.place)
    update staged_blog_entries s set slug = left(s.slug, 291) || '-' || left(s.source_key, 8)
    from placed_entry p
    where p.place = s.place and p.is_taken;
end $$;

comment on function import_part_slugs is 'Makes the slugs of an account''s staged entries differ: by the beginning of the key.';

-- storage_key of staged_media holds the path of the file in the source, until it is known where the object lies.

create function import_known_media(from_source text, has_store boolean) returns void language plpgsql as $$
begin
    update staged_media s
    set storage_key = case
        when m.id is not null then m.storage_key
        when i.source_key is not null or not has_store then s.source_key
        else s.storage_key
    end
    from staged_media k
    left join import_items i on i.source = from_source and i.entity = 'media' and i.source_key = k.source_key
    left join media m on m.user_id = i.user_id and m.id = i.target_id
    where k.place = s.place;
end $$;

comment on function import_known_media is
    'Gives staged files that are here the object that they have. Without a store, the others are given what is no object.';

create function import_fresh_media(from_source text, after bigint, most integer)
returns table (place bigint, path text, sha256 text) language plpgsql stable as $$
begin
    return query
    select s.place, s.storage_key, s.sha256
    from staged_media s
    where s.place > after and not exists (
        select from import_items i where i.source = from_source and i.entity = 'media' and i.source_key = s.source_key)
    order by s.place
    limit most;
end $$;

comment on function import_fresh_media is 'Staged files that have no object here.';

create function import_stored_media(from_source text, after bigint, most integer)
returns table (place bigint, storage_key text, sha256 text, size_bytes bigint) language plpgsql stable as $$
begin
    return query
    select s.place, m.storage_key, s.sha256, m.size_bytes
    from staged_media s
    join import_items i on i.source = from_source and i.entity = 'media' and i.source_key = s.source_key
    join media m on m.user_id = i.user_id and m.id = i.target_id
    where s.place > after
    order by s.place
    limit most;
end $$;

comment on function import_stored_media is 'Staged files that are here, with the object that each has.';

create function import_set_objects(places bigint[], keys text[]) returns void language plpgsql as $$
begin
    update staged_media s set storage_key = k.key
    from unnest(places, keys) as k (place, key)
    where s.place = k.place;
end $$;

comment on function import_set_objects is 'Says where the objects of staged files lie.';

create function import_keep_objects(run uuid) returns bigint language plpgsql as $$
declare
    made bigint;
    kept bigint;
begin
    select count(*) into made
    from staged_media s
    join import_items i on i.import_id = run and i.entity = 'media' and i.source_key = s.source_key and i.is_made;
    delete from media_deletions d using staged_media s
    where d.storage_key = s.storage_key
      and exists (
          select from import_items i where i.import_id = run and i.entity = 'media' and i.source_key = s.source_key);
    get diagnostics kept = row_count;
    return made - kept;
end $$;

comment on function import_keep_objects is
    'Takes the objects of the files that a run has made out of those that maintenance deletes. Returns how many were not there '
    'any more: it has deleted them.';

-- migrate:down
drop function import_keep_objects(uuid);
drop function import_set_objects(bigint[], text[]);
drop function import_stored_media(text, bigint, integer);
drop function import_fresh_media(text, bigint, integer);
drop function import_known_media(text, boolean);
drop function import_part_slugs(text);
drop function import_cut_chosen_goals();
drop function import_cut_goals();
