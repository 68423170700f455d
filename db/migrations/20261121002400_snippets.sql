-- migrate:up

-- Up to 30 words around the best place of a text, what was looked for between <mark> and </mark>. The text is escaped before, so
-- that those marks are its only tags. 1,000 characters are looked at, a third of those before: five times as many as 30 words
-- have, and ts_headline() is most of what a search costs. They begin a little before the place where the rarest word stands
-- first, that is, the one that comes last.
create or replace function snippet(body text, q text) returns text
language sql stable parallel safe
return (
    select ts_headline(
        'simple',
        replace(replace(replace(replace(
            substr(body, greatest(1, place - 200), 1000),
            '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'),
        case when numnode(words) < 8 then words else any_word(q) end,
        'StartSel=<mark>, StopSel=</mark>, MaxWords=30, MinWords=15')
    from websearch_to_tsquery('simple', q) words
    cross join (
        select max(strpos(lowered, word)) as place
        from (select lower(body) as lowered offset 0) whole
        cross join unnest(search_words(q)) word) found);

-- migrate:down
create or replace function snippet(body text, q text) returns text
language sql stable parallel safe
return (
    select ts_headline(
        'simple',
        replace(replace(replace(
            substr(body, greatest(1, place - 500), 3000),
            '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
        case when numnode(words) < 8 then words else any_word(q) end,
        'StartSel=<mark>, StopSel=</mark>, MaxWords=30, MinWords=15')
    from websearch_to_tsquery('simple', q) words
    cross join (
        select max(strpos(lowered, word)) as place
        from (select lower(body) as lowered offset 0) whole
        cross join unnest(search_words(q)) word) found);
