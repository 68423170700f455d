-- migrate:up

-- Messages and conversations are rewritten and locked meanwhile: docs/costs.md says how long a million rows take.
-- squawk-ignore-file adding-required-field, adding-field-with-default, require-concurrent-index-creation, ban-drop-column
-- squawk-ignore-file ban-drop-generated-expression, ban-drop-view

-- The texts of a stage: the strings that it has by itself, in a list, an object or a list of objects. What lies deeper is
-- searched as it is written. Null: there is none.
create function stage_text(stage json) returns text
language sql immutable strict parallel safe
return (
    select string_agg(value #>> '{}', chr(10))
    from (
        select stage as value
        where json_typeof(stage) = 'string'
        union all
        select value
        from json_each(case json_typeof(stage) when 'object' then stage end)
        union all
        select coalesce(field.value, item.value)
        from json_array_elements(case json_typeof(stage) when 'array' then stage end) item
        left join lateral json_each(case json_typeof(item.value) when 'object' then item.value end) field on true) part
    where json_typeof(value) in ('string', 'array', 'object'));

-- What is searched of a message, what is read first in front. Of more characters, words of four bytes a letter and with
-- hyphens, which count twice, can be too many for a tsvector.
create function message_text(content text, stage1 json, stage2 json, stage3 json) returns text
language sql immutable parallel safe
return left(
    coalesce(content, '')
    || coalesce(chr(10) || stage_text(stage3), '')
    || coalesce(chr(10) || stage_text(stage1), '')
    || coalesce(chr(10) || stage_text(stage2), ''),
    100000);

alter table messages drop column search;
alter table messages add column search tsvector not null generated always as (
    to_tsvector('simple', message_text(content, stage1, stage2, stage3))) stored;

-- A trigger keeps it, as that of blog entries: each message changes its conversation, and a generated column would gather the
-- words of the title again.
alter table conversations add column search tsvector not null generated always as (to_tsvector('simple', title)) stored;
alter table conversations alter column search drop expression;

create function conversations_words() returns trigger language plpgsql as $$
begin
    new.search := to_tsvector('simple', new.title);
    return new;
end $$;

-- Named after conversations_touch, and so called after it, which compares the stored words with themselves.
create trigger conversations_words before insert or update of title, search on conversations
for each row execute function conversations_words();
alter table conversations enable always trigger conversations_words;

-- conversations.page_found, search.hits. Messages without the list of pending entries, as before.
create index messages_search on messages using gin (own_words(user_id, search)) with (fastupdate = off);
create index conversations_search on conversations using gin (own_words(user_id, search)) with (gin_pending_list_limit = 64);

-- conversations.page_found walks it by at, which is an index of either order.
create view ordered_conversations as
select user_id, 'activity' as list_order, last_activity_at as at, id, is_archived, search
from conversations
union all
select user_id, 'created', created_at, id, is_archived, search
from conversations;

comment on view ordered_conversations is 'Each conversation twice: at is the time by which either order of the list goes.';
comment on function stage_text is 'The texts of a stage of a message; null: there is none.';
comment on function message_text is 'What is searched, and shown, of a message: the first 100,000 characters of its texts.';
comment on function conversations_words is 'Computes search from the title of a conversation.';
comment on column conversations.search is 'Words of the title.';
comment on column messages.search is
    'Words of the content and of all stages. The first 100,000 characters: of more, words of four bytes a letter and with '
    'hyphens, which count twice, can be too many for a tsvector.';
comment on column messages.stage3 is 'The final answer; its response is shown in lists. As sent, to the byte.';

-- migrate:down
drop view ordered_conversations;

-- It is computed again from the other columns.
alter table messages drop column search;
alter table messages add column search tsvector not null generated always as (
    array_to_tsvector(array[user_id::text])
    || to_tsvector('simple', left(coalesce(content, '') || chr(10) || coalesce(stage3 ->> 'response', ''), 100000))) stored;
create index messages_search on messages using gin (search) with (fastupdate = off);

drop trigger conversations_words on conversations;
drop function conversations_words();
alter table conversations drop column search;

drop function message_text(text, json, json, json);
drop function stage_text(json);

comment on column messages.search is
    'Words of the content and of the response in stage3, and the owner''s id as a word. The first 100,000 characters: of more, '
    'words of four bytes a letter and with hyphens, which count twice, can be too many for a tsvector.';
comment on column messages.stage3 is 'The final answer; its response is searched, and shown in lists. As sent, to the byte.';
