-- migrate:up

-- Five tables are rewritten and locked meanwhile: docs/costs.md says how long a million rows take.
-- squawk-ignore-file adding-required-field, adding-field-with-default, require-concurrent-index-creation, ban-drop-column
-- squawk-ignore-file ban-drop-generated-expression, ban-drop-view

-- What websearch_to_tsquery() makes of a search, and each plain word of three characters and more by its beginning. No lexeme
-- has a blank: so a plain one stands between the start, the end, " & " and " | ", one of a phrase or of a negation does not.
-- Null: no word.
create function search_query(q text) returns tsquery
language sql immutable parallel safe
return nullif(
    regexp_replace(
        websearch_to_tsquery('simple', q)::text, '(^|[&|] )(''[^ ]{3,}'')(?= [&|]|$)', '\1\2:*', 'g'),
    '')::tsquery;

-- Four characters of a user's id: what each word of theirs begins with in an index, so that a beginning is looked for among the
-- words of few others. Of all users it would be every row that has a word which begins so: 150 ms at a million rows.
create function owner_key(user_id uuid) returns text
language sql immutable parallel safe
return encode(substring(uuid_send(user_id) from 14), 'base64');

-- What an index has of a row. A word is cut, since with the key it could be longer than a lexeme may be; no search is as long.
create function own_words(user_id uuid, search tsvector) returns tsvector
language sql immutable parallel safe
return array_to_tsvector(array(
    select owner_key(user_id)
    union all
    select owner_key(user_id) || left(word, 500)
    from unnest(tsvector_to_array(search)) word));

-- What such an index is asked: all rows that search_query() finds are among those that it gives, and all are if that says only
-- what not. The index knows no order of words: a phrase is its words.
create function own_query(user_id uuid, words tsquery) returns tsquery
language sql immutable parallel safe
return case querytree(words)
    when 'T' then quote_literal(owner_key(user_id))
    else regexp_replace(
        regexp_replace(querytree(words), ' <(-|\d+)> ', ' & ', 'g'),
        '(^|[ (])''', '\1''' || owner_key(user_id), 'g')
end::tsquery;

create or replace function any_word(q text) returns tsquery
language sql immutable parallel safe
return (
    select string_agg(word, ' | ')::tsquery
    from (
        select found[1] as word
        from regexp_matches(search_query(q)::text, '(''[^ ]+''(?::\*)?)', 'g') found
        group by found[1]
        order by char_length(found[1]) desc, found[1]
        limit 5) longest);

-- As before, but a word is looked for after a blank first: one that another one ends with is none.
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
    from coalesce(search_query(q), websearch_to_tsquery('simple', q)) words
    cross join (
        select max(coalesce(nullif(strpos(lowered, ' ' || word), 0), strpos(lowered, word))) as place
        from (select ' ' || replace(lower(body), chr(10), ' ') as lowered offset 0) whole
        cross join unnest(search_words(q)) word) found);

alter table tasks drop column search;
alter table tasks add column search tsvector not null generated always as (
    setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

alter table goals drop column search;
alter table goals add column search tsvector not null generated always as (
    setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

alter table habits drop column search;
alter table habits add column search tsvector not null generated always as (
    setweight(to_tsvector('simple', name), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

alter table daily_reviews drop column search;
alter table daily_reviews add column search tsvector not null generated always as (
    to_tsvector('simple', coalesce(highlights, ''))
    || to_tsvector('simple', coalesce(accomplishments, ''))
    || to_tsvector('simple', coalesce(challenges, ''))
    || to_tsvector('simple', coalesce(lessons, ''))
    || to_tsvector('simple', coalesce(gratitude, ''))
    || to_tsvector('simple', coalesce(tomorrow, ''))) stored;

-- Made anew by the rewrite, and kept by the trigger as before.
drop trigger blog_entries_words on blog_entries;
alter table blog_entries drop column search;
alter table blog_entries add column search tsvector not null generated always as (
    setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(excerpt, '')), 'B')
    || setweight(to_tsvector('simple', left(content, 130000)), 'C')) stored;
alter table blog_entries alter column search drop expression;
create or replace function blog_entries_words() returns trigger language plpgsql as $$
begin
    new.search := setweight(to_tsvector('simple', new.title), 'A')
        || setweight(to_tsvector('simple', coalesce(new.excerpt, '')), 'B')
        || setweight(to_tsvector('simple', left(new.content, 130000)), 'C');
    return new;
end $$;
create trigger blog_entries_words before insert or update of title, excerpt, content, search on blog_entries
for each row execute function blog_entries_words();
alter table blog_entries enable always trigger blog_entries_words;

-- search.hits, and blog_entries.find; the limit of pending words as before.
create index tasks_search on tasks using gin (own_words(user_id, search)) with (gin_pending_list_limit = 64);
create index goals_search on goals using gin (own_words(user_id, search)) with (gin_pending_list_limit = 64);
create index habits_search on habits using gin (own_words(user_id, search)) with (gin_pending_list_limit = 64);
create index daily_reviews_search on daily_reviews using gin (own_words(user_id, search)) with (gin_pending_list_limit = 64);
create index blog_entries_search on blog_entries using gin (own_words(user_id, search)) with (gin_pending_list_limit = 64);

create view searched as
select user_id, 'tasks' as kind, id, search, title, concat_ws(chr(10), title, description) as body
from tasks
union all
select user_id, 'goals', id, search, title, concat_ws(chr(10), title, description)
from goals
union all
select user_id, 'habits', id, search, name, concat_ws(chr(10), name, description)
from habits
union all
select user_id, 'daily-reviews', id, search, date::text,
    concat_ws(chr(10), highlights, accomplishments, challenges, lessons, gratitude, tomorrow)
from daily_reviews
union all
select user_id, 'blog-entries', id, search, title, concat_ws(chr(10), title, excerpt, content)
from blog_entries;

comment on view searched is 'What /v1/search looks at, of all kinds: what is found of a row, and what is shown of it.';
comment on function search_query is 'What a search means: as on the web, and plain words by their beginnings.';
comment on function owner_key is 'What the words of a user begin with in the indexes of words.';
comment on function own_words is 'The words of a row as its index has them: each with its owner''s key, and that key alone.';
comment on function own_query is 'What an index of own_words() is asked for a search: more than it finds, nothing less.';
comment on column tasks.search is 'Words of title and description.';
comment on column goals.search is 'Words of title and description.';
comment on column habits.search is 'Words of name and description.';
comment on column daily_reviews.search is 'Words of all texts.';
comment on column blog_entries.search is 'Words of title, excerpt and the first 130,000 characters of content.';

-- migrate:down
drop view searched;

alter table tasks drop column search;
alter table tasks add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

alter table goals drop column search;
alter table goals add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

alter table habits drop column search;
alter table habits add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || setweight(to_tsvector('simple', name), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

alter table daily_reviews drop column search;
alter table daily_reviews add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || to_tsvector('simple', coalesce(highlights, '')) || to_tsvector('simple', coalesce(accomplishments, ''))
    || to_tsvector('simple', coalesce(challenges, '')) || to_tsvector('simple', coalesce(lessons, ''))
    || to_tsvector('simple', coalesce(gratitude, '')) || to_tsvector('simple', coalesce(tomorrow, ''))) stored;

drop trigger blog_entries_words on blog_entries;
alter table blog_entries drop column search;
alter table blog_entries add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(excerpt, '')), 'B')
    || setweight(to_tsvector('simple', left(content, 130000)), 'C')) stored;
alter table blog_entries alter column search drop expression;
create or replace function blog_entries_words() returns trigger language plpgsql as $$
begin
    new.search := array_to_tsvector(array[new.user_id::text])
        || setweight(to_tsvector('simple', new.title), 'A')
        || setweight(to_tsvector('simple', coalesce(new.excerpt, '')), 'B')
        || setweight(to_tsvector('simple', left(new.content, 130000)), 'C');
    return new;
end $$;
create trigger blog_entries_words before insert or update of title, excerpt, content, search on blog_entries
for each row execute function blog_entries_words();
alter table blog_entries enable always trigger blog_entries_words;

create index tasks_search on tasks using gin (search) with (gin_pending_list_limit = 64);
create index goals_search on goals using gin (search) with (gin_pending_list_limit = 64);
create index habits_search on habits using gin (search) with (gin_pending_list_limit = 64);
create index daily_reviews_search on daily_reviews using gin (search) with (gin_pending_list_limit = 64);
create index blog_entries_search on blog_entries using gin (search) with (gin_pending_list_limit = 64);

create or replace function any_word(q text) returns tsquery
language sql immutable parallel safe
return (
    select string_agg('''' || replace(replace(word, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery
    from unnest(search_words(q)) word);

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

drop function own_query(uuid, tsquery);
drop function own_words(uuid, tsvector);
drop function owner_key(uuid);
drop function search_query(text);

comment on column tasks.search is 'Words of title and description, and the owner''s id as a word.';
comment on column goals.search is 'Words of title and description, and the owner''s id as a word.';
comment on column habits.search is 'Words of name and description, and the owner''s id as a word.';
comment on column daily_reviews.search is 'Words of all texts, and the owner''s id as a word.';
comment on column blog_entries.search is
    'Words of title, excerpt and the first 130,000 characters of content, and the owner''s id as a word.';
