-- name: hits(user_id, q, kind, limit)
-- What matches a search, best first, of one kind or (null) of all: per kind the newest 500 matches are ranked, and a snippet
-- is made only of what is returned. asked has no row when q has no word; own_words adds the owner's id, a lexeme of every
-- row that no q can match: it is no word as the parser makes them. So each index narrows to the user by itself.
with asked as (
    select words && quote_literal(:user_id::uuid::text)::tsquery as own_words, any_word(:q) as any_word
    from websearch_to_tsquery('simple', :q) words
    where numnode(words) > 0),
matched as (
    (select 'tasks' as kind, id, search
    from tasks
    where user_id = :user_id and search @@ (select own_words from asked) and coalesce(:kind::text, 'tasks') = 'tasks'
    order by id desc
    limit 500)
    union all
    (select 'goals', id, search
    from goals
    where user_id = :user_id and search @@ (select own_words from asked) and coalesce(:kind::text, 'goals') = 'goals'
    order by id desc
    limit 500)
    union all
    (select 'habits', id, search
    from habits
    where user_id = :user_id and search @@ (select own_words from asked) and coalesce(:kind::text, 'habits') = 'habits'
    order by id desc
    limit 500)
    union all
    (select 'daily-reviews', id, search
    from daily_reviews
    where user_id = :user_id
      and search @@ (select own_words from asked)
      and coalesce(:kind::text, 'daily-reviews') = 'daily-reviews'
    order by id desc
    limit 500)
    union all
    (select 'blog-entries', id, search
    from blog_entries
    where user_id = :user_id
      and search @@ (select own_words from asked)
      and coalesce(:kind::text, 'blog-entries') = 'blog-entries'
    order by id desc
    limit 500)),
ranked as (
    select kind, id, ts_rank(search, (select any_word from asked)) as rank
    from matched
    order by rank desc, id desc, kind
    limit :limit)
select r.kind, r.id, hit.title, snippet(hit.body, :q) as snippet, r.rank
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
    where user_id = :user_id and id = r.id and r.kind = 'blog-entries') hit
order by r.rank desc, r.id desc, r.kind;
