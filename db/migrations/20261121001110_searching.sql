-- migrate:up

-- What ts_rank() and ts_headline() cost grows with the square of the words of a search, and of their places in a text: 100 times
-- "a" in a text of nothing but "a" took either of them seconds. So what is found is found by all of a search, but ranked and
-- shown by its five longest words.
create function search_words(q text) returns text[]
language sql immutable parallel safe
return (
    select array_agg(lexeme)
    from (
        select lexeme
        from unnest(to_tsvector('simple', q)) word (lexeme, positions, weights)
        order by char_length(lexeme) desc, lexeme
        limit 5) longest);

-- Any of those words. Each is quoted as a tsquery wants it.
create function any_word(q text) returns tsquery
language sql immutable parallel safe
return (
    select string_agg('''' || replace(replace(word, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery
    from unnest(search_words(q)) word);

-- Up to 30 words around the best place of a text, what was looked for between <mark> and </mark>. The text is escaped before, so
-- that those marks are its only tags. 3,000 characters are looked at: from a little before the place where the rarest word
-- stands first, that is, the one that comes last.
create function snippet(body text, q text) returns text
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

comment on function search_words is 'The longest words of a search, five at most: what ranking and showing look at.';
comment on function any_word is 'A search for any of search_words(q).';
comment on function snippet is 'The part of a text that a search shows, as HTML whose only tags are <mark>.';

-- migrate:down
drop function snippet(text, text);
drop function any_word(text);
drop function search_words(text);
