-- migrate:up

-- Rewrites the table once: taken before the first release, in which no table is large.
-- squawk-ignore adding-field-with-default
alter table tasks add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored;

-- search.page_hits: the owner is a lexeme too, so that the index alone narrows to the user.
-- squawk-ignore require-concurrent-index-creation
create index tasks_search on tasks using gin (search);

-- touch() must leave the new column out of its comparison.
drop trigger tasks_touch on tasks;
create trigger tasks_touch before update on tasks for each row execute function touch('search');

comment on column tasks.search is 'Words of title and description, and the owner''s id as a word.';

-- migrate:down
drop trigger tasks_touch on tasks;
create trigger tasks_touch before update on tasks for each row execute function touch();
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table tasks drop column search;
