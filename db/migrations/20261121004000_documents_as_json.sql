-- migrate:up

-- Documents are kept as they are sent, to the byte (docs/decisions/0030). jsonb kept their values: 1e-16000 became 16,000 digits.
-- The type of a column under a generated one cannot change, so these are made again.
-- Made before the first release, in which no table is large: each is rewritten, and locked for as long.
-- squawk-ignore-file changing-column-type, ban-drop-column, adding-field-with-default, require-concurrent-index-creation
alter table messages drop column search, drop column size_bytes;

alter table messages
    alter column stage1 type json,
    alter column stage2 type json,
    alter column stage3 type json,
    alter column metadata type json,
    alter column extra type json;

alter table messages
    add column size_bytes integer not null generated always as (
        coalesce(octet_length(content), 0)
        + coalesce(octet_length(stage1::text), 0)
        + coalesce(octet_length(stage2::text), 0)
        + coalesce(octet_length(stage3::text), 0)
        + coalesce(octet_length(metadata::text), 0)) stored,
    add column search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || to_tsvector('simple', left(coalesce(content, '') || chr(10) || coalesce(stage3 ->> 'response', ''), 100000))) stored,
    add column beginning text generated always as (left(coalesce(content, stage3 ->> 'response'), 200)) stored;

create index messages_search on messages using gin (search) with (fastupdate = off);

alter table conversations alter column extra type json;
alter table query_cache alter column result type json;

create or replace function touch() returns trigger language plpgsql as $$
begin
    -- Without arguments the rows are compared as they are stored. jsonb would unfold what json columns hold, and refuse U+0000:
    -- a table that has one has no columns to leave out.
    if (case when tg_nargs = 0 then old *<> new else to_jsonb(old) - tg_argv is distinct from to_jsonb(new) - tg_argv end) then
        new.version := greatest(old.version + 1, new_version());
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

comment on column messages.stage1 is 'The answers of the council''s models; as sent, to the byte.';
comment on column messages.stage2 is 'The models'' rankings of each other; as sent, to the byte.';
comment on column messages.stage3 is 'The final answer; its response is searched, and shown in lists. As sent, to the byte.';
comment on column messages.metadata is 'As sent, to the byte.';
comment on column messages.size_bytes is 'Length of the texts: a reader takes as many messages at once as fit into memory.';
comment on column messages.search is
    'Words of the content and of the response in stage3, and the owner''s id as a word. The first 100,000 characters: of more, '
    'words of four bytes a letter and with hyphens, which count twice, can be too many for a tsvector.';
comment on column messages.beginning is
    'What a list of conversations shows of its last message: a page would read 50 documents to their end for it.';
comment on column query_cache.result is 'As sent, to the byte.';

-- migrate:down

-- What jsonb cannot hold (U+0000, 1e-20000) becomes a text, so that nothing stands in the way and nothing is lost.
create function pg_temp.as_jsonb(document json) returns jsonb language plpgsql as $$
begin
    return document::jsonb;
exception when data_exception then
    return to_jsonb(document::text);
end $$;

create or replace function touch() returns trigger language plpgsql as $$
declare
    -- Without arguments tg_argv is null, and "- null" would make every two rows equal.
    ignored text[] := coalesce(tg_argv, '{}');
begin
    if to_jsonb(old) - ignored is distinct from to_jsonb(new) - ignored then
        new.version := greatest(old.version + 1, new_version());
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

alter table query_cache alter column result type jsonb using pg_temp.as_jsonb(result);
alter table conversations alter column extra type jsonb using pg_temp.as_jsonb(extra);

alter table messages drop column beginning, drop column search, drop column size_bytes;

alter table messages
    alter column stage1 type jsonb using pg_temp.as_jsonb(stage1),
    alter column stage2 type jsonb using pg_temp.as_jsonb(stage2),
    alter column stage3 type jsonb using pg_temp.as_jsonb(stage3),
    alter column metadata type jsonb using pg_temp.as_jsonb(metadata),
    alter column extra type jsonb using pg_temp.as_jsonb(extra);

alter table messages
    add column size_bytes integer not null generated always as (
        coalesce(octet_length(content), 0)
        + coalesce(octet_length(stage1::text), 0)
        + coalesce(octet_length(stage2::text), 0)
        + coalesce(octet_length(stage3::text), 0)
        + coalesce(octet_length(metadata::text), 0)) stored,
    add column search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || to_tsvector('simple', left(coalesce(content, '') || chr(10) || coalesce(stage3 ->> 'response', ''), 100000))) stored;

create index messages_search on messages using gin (search) with (fastupdate = off);

comment on column messages.stage1 is 'The answers of the council''s models; kept as sent.';
comment on column messages.stage2 is 'The models'' rankings of each other; kept as sent.';
comment on column messages.stage3 is 'The final answer; its response is searched, and shown in lists. Kept as sent.';
comment on column messages.metadata is null;
comment on column messages.size_bytes is 'Length of the texts: a reader takes as many messages at once as fit into memory.';
comment on column messages.search is
    'Words of the content and of the response in stage3, and the owner''s id as a word. The first 100,000 characters: of more, '
    'words of four bytes a letter and with hyphens, which count twice, can be too many for a tsvector.';
comment on column query_cache.result is null;
