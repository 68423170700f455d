-- migrate:up

-- What a search shows of a text: up to 30 words around the best place, what was looked for between <mark> and </mark>. The text
-- is escaped before, so that those marks are its only tags. Looking takes time with the length of a text, so 10,000 characters
-- are looked at: from a little before the place where the rarest word of the search, that is the one found last, stands first.
create function snippet(body text, q text) returns text
language sql stable parallel safe
return ts_headline(
    'simple',
    replace(replace(replace(
        substr(
            body,
            greatest(1, (
                select max(strpos(lower(body), lexeme))
                from unnest(to_tsvector('simple', q)) word (lexeme, positions, weights)) - 500),
            10000),
        '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
    websearch_to_tsquery('simple', q),
    'StartSel=<mark>, StopSel=</mark>, MaxWords=30, MinWords=15');

comment on function snippet is 'The part of a text that a search shows, as HTML whose only tags are <mark>.';

-- migrate:down
drop function snippet(text, text);
