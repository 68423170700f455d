-- migrate:up

-- A generated column is computed again by every update of a table that has a before trigger, whatever the update sets: to count
-- a read took as long as to save the text, and stored its words anew. A trigger computes them when a text is set. No client sets
-- the column.
-- squawk-ignore ban-drop-generated-expression
alter table blog_entries alter column search drop expression;

create function blog_entries_words() returns trigger language plpgsql as $$
begin
    new.search := array_to_tsvector(array[new.user_id::text])
        || setweight(to_tsvector('simple', new.title), 'A')
        || setweight(to_tsvector('simple', coalesce(new.excerpt, '')), 'B')
        || setweight(to_tsvector('simple', left(new.content, 130000)), 'C');
    return new;
end $$;

-- Named after blog_entries_touch, and so called after it, which compares the stored words with themselves.
create trigger blog_entries_words before insert or update of title, excerpt, content, search on blog_entries
for each row execute function blog_entries_words();
-- As dependable as a generated column: also where a session leaves triggers out (session_replication_role).
alter table blog_entries enable always trigger blog_entries_words;

drop trigger blog_entries_touch on blog_entries;
create trigger blog_entries_touch before update on blog_entries
for each row when (new.view_count = old.view_count) execute function touch();

comment on function blog_entries_words is 'Computes search from the texts of an entry.';

-- migrate:down
drop trigger blog_entries_touch on blog_entries;
create trigger blog_entries_touch before update on blog_entries
for each row when (new.view_count = old.view_count) execute function touch('search');

drop trigger blog_entries_words on blog_entries;
drop function blog_entries_words();

-- It is computed again from the other columns.
-- squawk-ignore ban-drop-column
alter table blog_entries drop column search;
-- squawk-ignore adding-required-field, adding-field-with-default
alter table blog_entries add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(excerpt, '')), 'B')
    || setweight(to_tsvector('simple', left(content, 130000)), 'C')) stored;
-- squawk-ignore require-concurrent-index-creation
create index blog_entries_search on blog_entries using gin (search) with (gin_pending_list_limit = 64);
comment on column blog_entries.search is
    'Words of title, excerpt and the first 130,000 characters of content, and the owner''s id as a word.';
