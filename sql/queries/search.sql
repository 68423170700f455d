-- name: hits(user_id, q, kind, limit)
-- What matches a search, best first, of one kind or (null) of all: per kind the newest 200 matches are ranked, and a snippet
-- is made only of what is returned. asked.words is null when q has no word: then nothing matches.
-- What 5 of the newest 100 rows of a kind have is common there, and 200 of it are soon found from the newest row on; the index
-- would give all of it ("is true" keeps the walk off the index). What is not common the index gives, which knows no order of
-- words: so search is asked, too. There "is true" is for the planner, which takes a user for one of few rows and would read
-- them all by their key.
with asked as (
    select words, own_query(:user_id, words) as own_words, any_word(:q) as any_word
    from search_query(:q) words),
asked_kind as materialized (
    select
        k.kind,
        (select count(*) filter (where newest.search @@ (select words from asked)) >= 5
        from (
            select s.search
            from searched s
            where s.user_id = :user_id and s.kind = k.kind
            order by s.id desc
            limit 100) newest) as is_common
    from unnest(array['tasks', 'goals', 'habits', 'daily-reviews', 'blog-entries']) k (kind)
    where coalesce(:kind::text, k.kind) = k.kind),
matched as (
    select k.kind, walked.id, walked.search
    from asked_kind k
    cross join lateral (
        select s.id, s.search
        from searched s
        where s.user_id = :user_id and s.kind = k.kind and (s.search @@ (select words from asked)) is true
        order by s.id desc
        limit 200) walked
    where k.is_common
    union all
    select k.kind, indexed.id, indexed.search
    from asked_kind k
    cross join lateral (
        select s.id, s.search
        from searched s
        where (s.user_id = :user_id) is true
          and s.kind = k.kind
          and own_words(s.user_id, s.search) @@ (select own_words from asked)
          and s.search @@ (select words from asked)
        order by s.id desc
        limit 200) indexed
    where not k.is_common),
ranked as (
    select kind, id, ts_rank(search, (select any_word from asked)) as rank
    from matched
    order by rank desc, id desc, kind
    limit :limit)
select r.kind, r.id, hit.title, snippet(hit.body, :q) as snippet, r.rank
from ranked r
cross join lateral (
    select s.title, s.body
    from searched s
    where s.user_id = :user_id and s.kind = r.kind and s.id = r.id
    limit 1) hit
order by r.rank desc, r.id desc, r.kind;
