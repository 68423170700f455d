-- name: create(user_id, id, new, slug)^
-- new is the entry as JSON. It gets the slug, or if that is taken the first free one of slug-2, slug-3, ... accounts.lock()
-- comes first: creates of one user run one after the other, and each sees every slug that is taken. No row: the chosen id is
-- taken by this user's own entry; send get() as a second statement.
with recursive tried_slug as (
    select 1 as place, :slug::text as slug
    union all
    select t.place + 1, :slug::text || '-' || (t.place + 1)
    from tried_slug t
    where exists (select 1 from blog_entries b where b.user_id = :user_id and b.slug = t.slug))
insert into blog_entries (user_id, id, title, content, excerpt, slug, status, is_featured, is_public, published_at)
select
    :user_id, :id, p.title, p.content, p.excerpt, t.slug, p.status, p.is_featured, p.is_public,
    case when p.status = 'published' then now() end
from jsonb_populate_record(null::blog_entries, :new::jsonb) p
cross join tried_slug t
where t.place = (select max(place) from tried_slug)
on conflict (user_id, id) do nothing
returning id, title, content, excerpt, slug, status, is_featured, is_public, view_count, published_at, created_at,
    updated_at, version;

-- name: create_distributed(user_id, id, slug, new)^
-- As create(): of the slugs that begin like this one so many are taken that one of as many others, and one more, is free.
with taken_slug as materialized (
    select slug
    from blog_entries
    where user_id = :user_id and starts_with(slug, :slug::text)),
free_slug as materialized (
    select tried.slug
    from (
        select place, case when place = 1 then :slug::text else :slug::text || '-' || place end as slug
        from generate_series(1, (select count(*) + 1 from taken_slug)) as place) tried
    where tried.slug not in (select slug from taken_slug)
    order by tried.place
    limit 1)
insert into blog_entries (user_id, id, title, content, excerpt, slug, status, is_featured, is_public, published_at)
select
    :user_id, :id, p.title, p.content, p.excerpt, t.slug, p.status, p.is_featured, p.is_public,
    case when p.status = 'published' then now() end
from jsonb_populate_record(null::blog_entries, :new::jsonb) p
cross join free_slug t
where t.slug is not null
on conflict (user_id, id) do nothing
returning id, title, content, excerpt, slug, status, is_featured, is_public, view_count, published_at, created_at,
    updated_at, version;

-- name: get(user_id, id)^
-- batch: none, a text has up to 200,000 characters; short ones would wait for it
select id, title, content, excerpt, slug, status, is_featured, is_public, view_count, published_at, created_at, updated_at,
    version
from blog_entries
where user_id = :user_id and id = :id;

-- name: get_by_slug(user_id, slug)^
-- batch: none, as for get()
select id, title, content, excerpt, slug, status, is_featured, is_public, view_count, published_at, created_at, updated_at,
    version
from blog_entries
where user_id = :user_id and slug = :slug;

-- name: get_public(user_id, slug)^
-- batch: none, as for get()
select id, title, content, excerpt, slug, status, is_featured, is_public, view_count, published_at, created_at, updated_at,
    version
from blog_entries
where user_id = :user_id and slug = :slug and is_public and status = 'published';

-- name: page_newest(user_id, status, since, tags, with_tags, after, limit, bytes)
-- Newest first; a null filter means "do not filter". The first page passes the highest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(entry), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'blog-entries', entry.id) t))
        else row_to_json(entry)::text end as json
    from (
        select id, title, excerpt, left(content, 200) as content_start, slug, status, is_featured, is_public, view_count,
            rfc3339(published_at) as published_at, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, title, excerpt, content, slug, status, is_featured, is_public, view_count, published_at, created_at,
                updated_at, version
            from blog_entries
            where user_id = :user_id
              and id < :after
            order by id desc
            limit walked_rows()) blog_entries
        where (:status::text is null or status = :status)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or blog_entries.id in (select t.id from tagged(:user_id, 'blog-entries', :tags) t))
        order by id desc
        limit :limit) entry)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from blog_entries
        where user_id = :user_id
          and id < :after
        order by id desc
        offset walked_rows() - 1 limit 1) last)
    limit :limit
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: page_oldest(user_id, status, since, tags, with_tags, after, limit, bytes)
-- Oldest first; the first page passes the lowest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(entry), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'blog-entries', entry.id) t))
        else row_to_json(entry)::text end as json
    from (
        select id, title, excerpt, left(content, 200) as content_start, slug, status, is_featured, is_public, view_count,
            rfc3339(published_at) as published_at, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, title, excerpt, content, slug, status, is_featured, is_public, view_count, published_at, created_at,
                updated_at, version
            from blog_entries
            where user_id = :user_id
              and id > :after
            order by id
            limit walked_rows()) blog_entries
        where (:status::text is null or status = :status)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or blog_entries.id in (select t.id from tagged(:user_id, 'blog-entries', :tags) t))
        order by id
        limit :limit) entry)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, id
        from blog_entries
        where user_id = :user_id
          and id > :after
        order by id
        offset walked_rows() - 1 limit 1) last)
    limit :limit
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: total(user_id, status, since, tags)^
-- How many entries pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, status, version
        from blog_entries
        where user_id = :user_id
        order by id
        limit counted_rows()) blog_entries
    where (:status::text is null or status = :status)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or blog_entries.id in (select t.id from tagged(:user_id, 'blog-entries', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from blog_entries
        where user_id = :user_id
        order by id
        offset counted_rows()) as total_is_exact
from found;

-- name: page_public(user_id, after, limit, bytes)
-- What anybody may read of this user, newest first, as page_newest().
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(entry)::text as json
    from (
        select id, title, excerpt, left(content, 200) as content_start, slug, status, is_featured, is_public, view_count,
            rfc3339(published_at) as published_at, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from blog_entries
        where user_id = :user_id
          and id < :after
          and is_public
          and status = 'published'
        order by id desc
        limit :limit) entry
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: find(user_id, q, status, since, tags, with_tags, limit, bytes)
-- The entries that match a search, best first, among the newest 1,000 matches. Of a common word those among the newest 2,000
-- entries are enough, if they are 200, as many as a page; of others, and where filters leave fewer, the index gives all: both
-- as in search.hits. The last one is that with which bytes are reached: there is no next page.
with asked as (
    select words, own_query(:user_id, words) as own_words, any_word(:q) as any_word
    from search_query(:q) words),
sampled as materialized (
    select count(*) filter (where search @@ (select words from asked)) >= 5 as is_common
    from (select search from blog_entries where user_id = :user_id order by id desc limit 100) newest),
walked as materialized (
    select id, search
    from (
        select id, search, status, version
        from blog_entries
        where user_id = :user_id
          and (select is_common from sampled)
        order by id desc
        limit 2000) blog_entries
    where coalesce(search @@ (select words from asked), false)
      and (:status::text is null or status = :status)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or blog_entries.id in (select t.id from tagged(:user_id, 'blog-entries', :tags) t))
    order by id desc
    limit 1000),
settled as materialized (
    select count(*) >= 200 as by_walk
    from walked),
matched as (
    (select id, search
    from walked
    where (select by_walk from settled))
    union all
    (select id, search
    from blog_entries
    where (user_id = :user_id) is true
      and not (select by_walk from settled)
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
      and (:status::text is null or status = :status)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or blog_entries.id in (select t.id from tagged(:user_id, 'blog-entries', :tags) t))
    order by id desc
    limit 1000)),
ranked as (
    select id, ts_rank(search, (select any_word from asked)) as rank
    from matched
    order by rank desc, id desc
    limit :limit),
listed as (
    select case when :with_tags::boolean then with_tags(row_to_json(entry), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'blog-entries', entry.id) t))
        else row_to_json(entry)::text end as json
    from (
        select e.id, e.title, e.excerpt, left(e.content, 200) as content_start, e.slug, e.status, e.is_featured, e.is_public,
            e.view_count, rfc3339(e.published_at) as published_at, rfc3339(e.created_at) as created_at,
            rfc3339(e.updated_at) as updated_at, e.version,
            snippet(concat_ws(chr(10), e.title, e.excerpt, e.content), :q) as snippet, r.rank
        from ranked r
        join blog_entries e on e.user_id = :user_id and e.id = r.id
        order by r.rank desc, r.id desc) entry
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select json from counted where ended = 0;

-- name: find_distributed(user_id, q, status, since, tags, with_tags, limit, bytes)
-- As find(): every match is looked for by the worker that has the user's entries.
with asked as (
    select words, own_query(:user_id, words) as own_words, any_word(:q) as any_word
    from search_query(:q) words),
matched as materialized (
    select id, search
    from blog_entries
    where user_id = :user_id
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
      and (:status::text is null or status = :status)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or blog_entries.id in (select t.id from tagged(:user_id, 'blog-entries', :tags) t))
    order by id desc
    limit 1000),
ranked as (
    select id, ts_rank(search, (select any_word from asked)) as rank
    from matched
    order by rank desc, id desc
    limit :limit),
listed as (
    select case when :with_tags::boolean then with_tags(row_to_json(entry), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'blog-entries', entry.id) t))
        else row_to_json(entry)::text end as json
    from (
        select e.id, e.title, e.excerpt, left(e.content, 200) as content_start, e.slug, e.status, e.is_featured, e.is_public,
            e.view_count, rfc3339(e.published_at) as published_at, rfc3339(e.created_at) as created_at,
            rfc3339(e.updated_at) as updated_at, e.version,
            snippet(concat_ws(chr(10), e.title, e.excerpt, e.content), :q) as snippet, r.rank
        from ranked r
        join blog_entries e on e.user_id = :user_id and e.id = r.id
        order by r.rank desc, r.id desc) entry
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select json from counted where ended = 0;

-- name: patch(user_id, id, versions, changes)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Null versions: any.
-- published_at is set when the entry becomes published, and cleared when it is no longer. No row: not this user's, or not at
-- one of them.
update blog_entries e
set (title, content, excerpt, slug, status, is_featured, is_public, published_at) = (
    select p.title, p.content, p.excerpt, p.slug, p.status, p.is_featured, p.is_public,
        case when p.status = 'published' then coalesce(e.published_at, now()) end
    from jsonb_populate_record(e, :changes::jsonb) p)
where e.user_id = :user_id
  and e.id = :id
  and (:versions::int8multirange is null or e.version <@ :versions)
returning e.id, e.title, e.content, e.excerpt, e.slug, e.status, e.is_featured, e.is_public, e.view_count, e.published_at,
    e.created_at, e.updated_at, e.version;

-- name: delete(user_id, id, versions)!
-- Null versions: any.
delete from blog_entries
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: add_views_distributed(user_id, id, views)!
-- Two workers that wait for each other are told so, and one of them writes again.
with noted_view as materialized (
    select v.user_id, v.id, v.views
    from unnest(:user_id::uuid[], :id::uuid[], :views::bigint[]) as v (user_id, id, views))
update blog_entries b
set view_count = b.view_count + v.views
from noted_view v
where b.user_id = v.user_id and b.id = v.id;

-- name: add_views(user_id, id, views)!
-- Locked in one order, so that two workers do not wait for each other.
with locked_entry as (
    select b.user_id, b.id, v.views
    from unnest(:user_id::uuid[], :id::uuid[], :views::bigint[]) as v (user_id, id, views)
    join blog_entries b on b.user_id = v.user_id and b.id = v.id
    order by b.user_id, b.id
    for no key update of b)
update blog_entries b
set view_count = b.view_count + l.views
from locked_entry l
where b.user_id = l.user_id and b.id = l.id;
