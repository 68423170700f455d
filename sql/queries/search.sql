-- name: hits(user_id, q, kind, limit)
-- What matches a search, best first, of one kind or (null) of all: per table the newest 200 matches or fewer are ranked, and a
-- snippet is made only of what is returned. asked.words is null when q has no word: then nothing matches.
-- What one of the newest 100 rows of a table has is taken for common there: then the newest 1,000 rows are walked, and if 50 of
-- them have it, as many as a page, those are ranked (of "coalesce" the planner expects that every second row passes, and so
-- walks). If 5 of those behind the first 100 have it, the walk goes on until 50 do, to the 10,000th row: of a phrase of words
-- that most rows have the index would give nearly all of them. What is not common, or only among the very newest, the index
-- gives, which knows no order of words: so search is asked, too. There "is true" is for the planner, which takes a user for one
-- of few rows and would read them all by their key.
-- A conversation is found by its title or by a message, and shown by the best of them; the newest are those of the highest ids.
with asked as (
    select words, own_query(:user_id, words) as own_words, any_word(:q) as any_word
    from search_query(:q) words),
asked_table as materialized (
    select
        t.kind, t.shown_kind,
        (select count(*) filter (where newest.search @@ (select words from asked))
        from (
            select s.search
            from searched s
            where s.user_id = :user_id and s.kind = t.kind
            order by s.id desc
            limit 100) newest) as newest
    from unnest(
        array['tasks', 'goals', 'habits', 'daily-reviews', 'blog-entries', 'conversations', 'messages'],
        array['tasks', 'goals', 'habits', 'daily-reviews', 'blog-entries', 'conversations', 'conversations'])
        t (kind, shown_kind)
    where coalesce(:kind::text, t.shown_kind) = t.shown_kind),
walked as materialized (
    select t.kind, t.shown_kind, found.id, found.seq, found.search
    from asked_table t
    cross join lateral (
        select newest.id, newest.seq, newest.search
        from (
            select s.id, s.seq, s.search
            from searched s
            where s.user_id = :user_id and s.kind = t.kind
            order by s.id desc
            limit 1000) newest
        where coalesce(newest.search @@ (select words from asked), false)
        order by newest.id desc
        limit 200) found
    where t.newest > 0),
walked_on as materialized (
    select t.kind, t.shown_kind, found.id, found.seq, found.search
    from asked_table t
    cross join lateral (
        select newest.id, newest.seq, newest.search
        from (
            select s.id, s.seq, s.search
            from searched s
            where s.user_id = :user_id and s.kind = t.kind
            order by s.id desc
            limit 10000) newest
        where coalesce(newest.search @@ (select words from asked), false)
        order by newest.id desc
        limit 50) found
    where (select count(*) from walked w where w.kind = t.kind) between t.newest + 5 and 49),
found as (
    select kind, shown_kind, id, seq, search, count(*) over (partition by kind) as matches
    from walked
    union all
    select kind, shown_kind, id, seq, search, count(*) over (partition by kind)
    from walked_on),
matched as (
    select kind, shown_kind, id, seq, search
    from found
    where matches >= 50
    union all
    select t.kind, t.shown_kind, indexed.id, indexed.seq, indexed.search
    from asked_table t
    cross join lateral (
        select s.id, s.seq, s.search
        from searched s
        where (s.user_id = :user_id) is true
          and s.kind = t.kind
          and own_words(s.user_id, s.search) @@ (select own_words from asked)
          and s.search @@ (select words from asked)
        order by s.id desc
        limit 200) indexed
    where not exists (select from found f where f.kind = t.kind and f.matches >= 50)),
best as (
    select distinct on (shown_kind, id) kind, shown_kind, id, seq, ts_rank(search, (select any_word from asked)) as rank
    from matched
    order by shown_kind, id, rank desc, seq desc),
ranked as (
    select kind, shown_kind, id, seq, rank
    from best
    order by rank desc, id desc, shown_kind
    limit :limit)
select r.shown_kind as kind, r.id, hit.title, snippet(hit.body, :q) as snippet, r.rank
from ranked r
cross join lateral (
    select s.title, s.body
    from searched s
    where s.user_id = :user_id and s.kind = r.kind and s.id = r.id and s.seq = r.seq
    limit 1) hit
order by r.rank desc, r.id desc, r.shown_kind;

-- name: hits_distributed(user_id, q, kind, limit)
-- As hits(): every match is looked for by the worker that has the user's rows, table by table. Not in the view searched, which
-- looks for the title of a message's conversation: for each table a worker is found by a comparison with the parameter alone.
with asked as (
    select words, own_query(:user_id, words) as own_words, any_word(:q) as any_word
    from search_query(:q) words),
matched as materialized (
    (select 'tasks' as kind, 'tasks' as shown_kind, id, 0 as seq, search
    from tasks
    where user_id = :user_id
      and coalesce(:kind::text, 'tasks') = 'tasks'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by id desc
    limit 200)
    union all
    (select 'goals' as kind, 'goals' as shown_kind, id, 0 as seq, search
    from goals
    where user_id = :user_id
      and coalesce(:kind::text, 'goals') = 'goals'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by id desc
    limit 200)
    union all
    (select 'habits' as kind, 'habits' as shown_kind, id, 0 as seq, search
    from habits
    where user_id = :user_id
      and coalesce(:kind::text, 'habits') = 'habits'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by id desc
    limit 200)
    union all
    (select 'daily-reviews' as kind, 'daily-reviews' as shown_kind, id, 0 as seq, search
    from daily_reviews
    where user_id = :user_id
      and coalesce(:kind::text, 'daily-reviews') = 'daily-reviews'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by id desc
    limit 200)
    union all
    (select 'blog-entries' as kind, 'blog-entries' as shown_kind, id, 0 as seq, search
    from blog_entries
    where user_id = :user_id
      and coalesce(:kind::text, 'blog-entries') = 'blog-entries'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by id desc
    limit 200)
    union all
    (select 'conversations' as kind, 'conversations' as shown_kind, id, 0 as seq, search
    from conversations
    where user_id = :user_id
      and coalesce(:kind::text, 'conversations') = 'conversations'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by id desc
    limit 200)
    union all
    (select 'messages' as kind, 'conversations' as shown_kind, conversation_id as id, seq, search
    from messages
    where user_id = :user_id
      and coalesce(:kind::text, 'conversations') = 'conversations'
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    order by conversation_id desc
    limit 200)),
best as (
    select distinct on (shown_kind, id) kind, shown_kind, id, seq, ts_rank(search, (select any_word from asked)) as rank
    from matched
    order by shown_kind, id, rank desc, seq desc),
ranked as (
    select kind, shown_kind, id, seq, rank
    from best
    order by rank desc, id desc, shown_kind
    limit :limit)
select r.shown_kind as kind, r.id, hit.title, snippet(hit.body, :q) as snippet, r.rank
from ranked r
cross join lateral (
    select title, concat_ws(chr(10), title, description) as body
    from tasks
    where user_id = :user_id and id = r.id and r.kind = 'tasks'
    union all
    select title, concat_ws(chr(10), title, description)
    from goals
    where user_id = :user_id and id = r.id and r.kind = 'goals'
    union all
    select name, concat_ws(chr(10), name, description)
    from habits
    where user_id = :user_id and id = r.id and r.kind = 'habits'
    union all
    select date::text, concat_ws(chr(10), highlights, accomplishments, challenges, lessons, gratitude, tomorrow)
    from daily_reviews
    where user_id = :user_id and id = r.id and r.kind = 'daily-reviews'
    union all
    select title, concat_ws(chr(10), title, excerpt, content)
    from blog_entries
    where user_id = :user_id and id = r.id and r.kind = 'blog-entries'
    union all
    select title, title
    from conversations
    where user_id = :user_id and id = r.id and r.kind = 'conversations'
    union all
    select c.title, message_text(m.content, m.stage1, m.stage2, m.stage3)
    from messages m
    join conversations c on c.user_id = m.user_id and c.id = m.conversation_id
    where m.user_id = :user_id and m.conversation_id = r.id and m.seq = r.seq and r.kind = 'messages') hit
order by r.rank desc, r.id desc, r.shown_kind;
