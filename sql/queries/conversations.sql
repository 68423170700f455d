-- name: create(user_id, id, title)^
-- No row: the chosen id is taken by this user's own conversation; send get() as a second statement.
insert into conversations (user_id, id, title)
values (:user_id, :id, :title)
on conflict (user_id, id) do nothing
returning id, title, is_archived, last_seq as message_count, last_activity_at, created_at, updated_at, version;

-- name: get(user_id, id)^
select id, title, is_archived, last_seq as message_count, last_activity_at, created_at, updated_at, version
from conversations
where user_id = :user_id and id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, title, is_archived, last_seq as message_count, last_activity_at, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join conversations using (user_id, id);

-- name: page_activity(user_id, is_archived, since, tags, with_tags, after_at, after_id, limit)
-- Newest activity first, each with the start of its last message. A null filter means "do not filter". after_at and after_id
-- are the last row of the previous page; the first page passes the highest of both. The order names its table: by itself
-- last_activity_at would be the text.
-- bytes: exempt, without a snippet and tags a row has 700 characters, and 200 of them 0.9 MB at most; few have many tags
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(conversation), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'conversations', conversation.id) t))
        else row_to_json(conversation)::text end as json
    from (
        select
            id, title, is_archived, last_seq as message_count, rfc3339(last_activity_at) as last_activity_at,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version,
            (select row_to_json(start)
            from (
                select m.role, m.beginning as content
                from messages m
                where m.user_id = :user_id and m.conversation_id = conversations.id and m.seq = conversations.last_seq
                ) start) as last_message,
            null::text as snippet
        from (
            select id, title, is_archived, last_seq, last_activity_at, created_at, updated_at, version
            from conversations
            where user_id = :user_id
              and (last_activity_at, id) < (:after_at, :after_id)
            order by last_activity_at desc, id desc
            limit walked_rows()) conversations
        where (:is_archived::boolean is null or is_archived = :is_archived)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or conversations.id in (select t.id from tagged(:user_id, 'conversations', :tags) t))
        order by conversations.last_activity_at desc, id desc
        limit :limit) conversation)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, last_activity_at, id
        from conversations
        where user_id = :user_id
          and (last_activity_at, id) < (:after_at, :after_id)
        order by last_activity_at desc, id desc
        offset walked_rows() - 1 limit 1) last)
    limit :limit)
select json from listed;

-- name: page_created(user_id, is_archived, since, tags, with_tags, after_at, after_id, limit)
-- As page_activity, the newest conversation first.
-- bytes: exempt, without a snippet and tags a row has 700 characters, and 200 of them 0.9 MB at most; few have many tags
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(conversation), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'conversations', conversation.id) t))
        else row_to_json(conversation)::text end as json
    from (
        select
            id, title, is_archived, last_seq as message_count, rfc3339(last_activity_at) as last_activity_at,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version,
            (select row_to_json(start)
            from (
                select m.role, m.beginning as content
                from messages m
                where m.user_id = :user_id and m.conversation_id = conversations.id and m.seq = conversations.last_seq
                ) start) as last_message,
            null::text as snippet
        from (
            select id, title, is_archived, last_seq, last_activity_at, created_at, updated_at, version
            from conversations
            where user_id = :user_id
              and (created_at, id) < (:after_at, :after_id)
            order by created_at desc, id desc
            limit walked_rows()) conversations
        where (:is_archived::boolean is null or is_archived = :is_archived)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or conversations.id in (select t.id from tagged(:user_id, 'conversations', :tags) t))
        order by conversations.created_at desc, id desc
        limit :limit) conversation)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, created_at, id
        from conversations
        where user_id = :user_id
          and (created_at, id) < (:after_at, :after_id)
        order by created_at desc, id desc
        offset walked_rows() - 1 limit 1) last)
    limit :limit)
select json from listed;

-- name: total(user_id, is_archived, since, tags)^
-- How many conversations pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of
-- either, it is not exact.
with found as (
    select 1 as one
    from (
        select id, is_archived, version
        from conversations
        where user_id = :user_id
        order by id
        limit counted_rows()) conversations
    where (:is_archived::boolean is null or is_archived = :is_archived)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or conversations.id in (select t.id from tagged(:user_id, 'conversations', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from conversations
        where user_id = :user_id
        order by id
        offset counted_rows()) as total_is_exact
from found;

-- name: page_found(user_id, q, order, is_archived, since, tags, with_tags, after_at, after_id, limit, bytes)
-- plan: exempt, full-text search
-- As page_activity or page_created, of the conversations whose title or one of whose messages matches a search. The snippet
-- shows the newest such message; where there is none, whose seq is 0 then, the title.
-- What 5 of the newest 100 messages have is common, and so is what more than 1,000 have ("matched" is read no further then):
-- conversations are walked in their order until enough have a match, which with so many is soon. The walk ends where it has
-- looked at 2,000 texts, and with the conversation that it is in then. Where it ends too soon, as of other words, the index
-- gives all matches, in no order, which are sorted into their conversations (one look-up each: "limit 1"); of a word that is
-- rare among the next 2,000 texts those are few, unless all of it is old. Conditions that are "true" and search are as in
-- search.hits.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with asked as (
    select words, own_query(:user_id, words) as own_words
    from search_query(:q) words),
sampled as materialized (
    select count(*) filter (where search @@ (select words from asked)) >= 5 as is_common
    from (select search from messages where user_id = :user_id order by conversation_id desc, seq desc limit 100) newest),
matched as materialized (
    select conversation_id as id, seq
    from messages
    where (user_id = :user_id) is true
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    union all
    select id, 0
    from conversations
    where (user_id = :user_id) is true
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)),
planned as materialized (
    select case when is_common then true
        else (select count(*) from (select 1 as one from matched limit 1001) many) > 1000 end as is_walk
    from sampled),
next_conversation as materialized (
    select id, at, search,
        sum(1 + last_seq) over (order by at desc, id desc rows unbounded preceding) - 1 - last_seq as texts_before
    from (
        select c.id, c.at, c.search, c.last_seq
        from ordered_conversations c
        where c.user_id = :user_id
          and c.list_order = :order
          and (c.at, c.id) < (:after_at, :after_id)
          and (:is_archived::boolean is null or c.is_archived = :is_archived)
          and (:since::bigint is null or c.version > :since)
          and (:tags::text[] is null or c.id in (select t.id from tagged(:user_id, 'conversations', :tags) t))
        order by c.at desc, c.id desc
        limit 2001) c),
walked as materialized (
    select c.id, c.at, m.seq
    from next_conversation c
    cross join lateral (
        select coalesce(
            (select seq
            from messages
            where user_id = :user_id and conversation_id = c.id and (search @@ (select words from asked)) is true
            order by seq desc
            limit 1),
            case when c.search @@ (select words from asked) then 0 end) as seq
        offset 0) m
    where (select is_walk from planned)
      and c.texts_before < 2000
      and m.seq is not null
    order by c.at desc, c.id desc
    limit :limit),
settled as materialized (
    select case when not is_walk then false
        when (select count(*) from walked) >= :limit::bigint then true
        else not exists (select 1 from next_conversation where texts_before >= 2000) end as by_walk
    from planned),
found_conversation as materialized (
    (select id, at, seq
    from walked
    where (select by_walk from settled))
    union all
    (select c.id, c.at, m.seq
    from (select id, max(seq) as seq from matched where not (select by_walk from settled) group by id) m
    cross join lateral (
        select id, is_archived, version, case :order when 'created' then created_at else last_activity_at end as at
        from conversations
        where user_id = :user_id and id = m.id
        limit 1) c
    where (c.at, c.id) < (:after_at, :after_id)
      and (:is_archived::boolean is null or c.is_archived = :is_archived)
      and (:since::bigint is null or c.version > :since)
      and (:tags::text[] is null or c.id in (select t.id from tagged(:user_id, 'conversations', :tags) t))
    order by c.at desc, c.id desc
    limit :limit)),
listed as (
    select case when :with_tags::boolean then with_tags(row_to_json(conversation), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'conversations', conversation.id) t))
        else row_to_json(conversation)::text end as json
    from (
        select
            c.id, c.title, c.is_archived, c.last_seq as message_count, rfc3339(c.last_activity_at) as last_activity_at,
            rfc3339(c.created_at) as created_at, rfc3339(c.updated_at) as updated_at, c.version,
            (select row_to_json(start)
            from (
                select m.role, m.beginning as content
                from messages m
                where m.user_id = :user_id and m.conversation_id = c.id and m.seq = c.last_seq) start) as last_message,
            case when f.seq = 0 then snippet(c.title, :q) else (
                select snippet(message_text(m.content, m.stage1, m.stage2, m.stage3), :q)
                from messages m
                where m.user_id = :user_id and m.conversation_id = c.id and m.seq = f.seq) end as snippet
        from found_conversation f
        cross join lateral (
            select id, title, is_archived, last_seq, last_activity_at, created_at, updated_at, version
            from conversations
            where user_id = :user_id and id = f.id
            limit 1) c
        order by f.at desc, f.id desc) conversation
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: page_found_distributed(user_id, q, order, is_archived, since, tags, with_tags, after_at, after_id, limit, bytes)
-- plan: exempt, full-text search
-- As page_found(): every match is looked for by the worker that has the user's messages.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with asked as (
    select words, own_query(:user_id, words) as own_words
    from search_query(:q) words),
matched as materialized (
    select conversation_id as id, seq
    from messages
    where user_id = :user_id
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)
    union all
    select id, 0
    from conversations
    where user_id = :user_id
      and own_words(user_id, search) @@ (select own_words from asked)
      and search @@ (select words from asked)),
found_conversation as materialized (
    select c.id, c.at, m.seq
    from (select id, max(seq) as seq from matched group by id) m
    join (
        select id, is_archived, version, case when :order = 'created' then created_at else last_activity_at end as at
        from conversations
        where user_id = :user_id) c on c.id = m.id
    where (c.at, c.id) < (:after_at, :after_id)
      and (:is_archived::boolean is null or c.is_archived = :is_archived)
      and (:since::bigint is null or c.version > :since)
      and (:tags::text[] is null or c.id in (select t.id from tagged(:user_id, 'conversations', :tags) t))
    order by c.at desc, c.id desc
    limit :limit),
listed as (
    select case when :with_tags::boolean then with_tags(row_to_json(conversation), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'conversations', conversation.id) t))
        else row_to_json(conversation)::text end as json
    from (
        select
            c.id, c.title, c.is_archived, c.last_seq as message_count, rfc3339(c.last_activity_at) as last_activity_at,
            rfc3339(c.created_at) as created_at, rfc3339(c.updated_at) as updated_at, c.version,
            (select row_to_json(start)
            from (
                select m.role, m.beginning as content
                from messages m
                where m.user_id = :user_id and m.conversation_id = c.id and m.seq = c.last_seq) start) as last_message,
            case when f.seq = 0 then snippet(c.title, :q) else (
                select snippet(message_text(m.content, m.stage1, m.stage2, m.stage3), :q)
                from messages m
                where m.user_id = :user_id and m.conversation_id = c.id and m.seq = f.seq) end as snippet
        from found_conversation f
        cross join lateral (
            select id, title, is_archived, last_seq, last_activity_at, created_at, updated_at, version
            from conversations
            where user_id = :user_id and id = f.id
            limit 1) c
        order by f.at desc, f.id desc) conversation
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: patch(user_id, id, versions, changes)^
-- changes is the JSON of a merge patch; null versions: any. No row: not this user's, or not at one of them.
update conversations c
set (title, is_archived) = (
    select p.title, p.is_archived
    from jsonb_populate_record(c, :changes::jsonb) p)
where c.user_id = :user_id
  and c.id = :id
  and (:versions::int8multirange is null or c.version <@ :versions)
returning c.id, c.title, c.is_archived, c.last_seq as message_count, c.last_activity_at, c.created_at, c.updated_at, c.version;

-- name: delete(user_id, id, versions)!
-- With its messages. Null versions: any.
delete from conversations
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);

-- name: change_many(user_id, archive, unarchive, delete)^
-- Returns the ids that were there, of each list; no id may stand in two.
with archived_conversation as (
    update conversations set is_archived = true
    where user_id = :user_id and id = any(:archive::uuid[])
    returning id),
unarchived_conversation as (
    update conversations set is_archived = false
    where user_id = :user_id and id = any(:unarchive::uuid[])
    returning id),
deleted_conversation as (
    delete from conversations
    where user_id = :user_id and id = any(:delete::uuid[])
    returning id)
select
    array(select id from archived_conversation) as archived,
    array(select id from unarchived_conversation) as unarchived,
    array(select id from deleted_conversation) as deleted;

-- name: read_oldest(user_id, id, after, limit, bytes)^
-- A conversation, and a part of its messages, oldest first, as the inside of a JSON array: those after seq after, limit of
-- them, fewer once they have that many bytes, but at least one. to_seq is the last of the part; null: there was none.
select
    c.id, c.title, c.is_archived, c.last_seq as message_count, c.last_activity_at, c.created_at, c.updated_at, c.version,
    c.saves, part.to_seq, convert_to(coalesce(part.items, ''), 'UTF8') as items
from conversations c
left join lateral (
    select
        max(s.seq) as to_seq,
        string_agg((
            select row_to_json(message)::text
            from (
                select s.seq, s.role, s.content, s.stage1, s.stage2, s.stage3, s.metadata, rfc3339(s.created_at) as created_at
                ) message), ',' order by s.seq) as items
    from (
        select
            seq, role, content, stage1, stage2, stage3, metadata, created_at,
            sum(size_bytes) over (order by seq) - size_bytes as bytes_before
        from (
            select seq, role, content, stage1, stage2, stage3, metadata, created_at, size_bytes
            from messages
            where user_id = :user_id and conversation_id = :id and seq > :after
            order by seq
            limit :limit) taken) s
    where s.bytes_before < :bytes::bigint) part on true
where c.user_id = :user_id and c.id = :id;

-- name: read_newest(user_id, id, after, limit, bytes)^
-- As read_oldest, newest first: those before seq after.
select
    c.id, c.title, c.is_archived, c.last_seq as message_count, c.last_activity_at, c.created_at, c.updated_at, c.version,
    c.saves, part.to_seq, convert_to(coalesce(part.items, ''), 'UTF8') as items
from conversations c
left join lateral (
    select
        min(s.seq) as to_seq,
        string_agg((
            select row_to_json(message)::text
            from (
                select s.seq, s.role, s.content, s.stage1, s.stage2, s.stage3, s.metadata, rfc3339(s.created_at) as created_at
                ) message), ',' order by s.seq desc) as items
    from (
        select
            seq, role, content, stage1, stage2, stage3, metadata, created_at,
            sum(size_bytes) over (order by seq desc) - size_bytes as bytes_before
        from (
            select seq, role, content, stage1, stage2, stage3, metadata, created_at, size_bytes
            from messages
            where user_id = :user_id and conversation_id = :id and seq < :after
            order by seq desc
            limit :limit) taken) s
    where s.bytes_before < :bytes::bigint) part on true
where c.user_id = :user_id and c.id = :id;

-- name: append_user_message(user_id, id, no_title, title, seq, content, stage1, stage2, stage3, metadata, daily, monthly)^
-- A user message, and what it takes from the quota, all or nothing. What was sent does not come back. is_next is null: no such
-- conversation; false: its seq is not the next one; true without a seq: the quota is used up. daily and monthly limit a user
-- without a row of usage, who is free. The row lock of the conversation is the sequence, so that it has no gap; conversation
-- first, then usage, or two would wait for each other. now() is when the statement began, before it waited for the lock: a
-- message is not older than the one before. The first user message, before which an assistant may have spoken, gives the
-- conversation its title where it has none, which is no_title.
with locked_conversation as (
    select user_id, id, :seq::integer is null or last_seq + 1 = :seq as is_next
    from conversations
    where user_id = :user_id and id = :id
    for no key update),
consumed_usage as (
    insert into usage (user_id, tier, daily_used, daily_limit, monthly_used, monthly_limit, total_queries,
        last_reset_daily, last_reset_monthly)
    select c.user_id, 'free', 1, :daily::integer, 1, :monthly::integer, 1,
        (now() at time zone 'UTC')::date, date_trunc('month', now() at time zone 'UTC')::date
    from conversations c
    join locked_conversation l on l.id = c.id
    where c.user_id = :user_id and c.id = :id and l.is_next
    on conflict (user_id) do update
    set daily_used = case when usage.last_reset_daily < excluded.last_reset_daily then 1 else usage.daily_used + 1 end,
        monthly_used = case when usage.last_reset_monthly < excluded.last_reset_monthly then 1 else usage.monthly_used + 1 end,
        total_queries = usage.total_queries + 1,
        last_reset_daily = greatest(usage.last_reset_daily, excluded.last_reset_daily),
        last_reset_monthly = greatest(usage.last_reset_monthly, excluded.last_reset_monthly)
    where (usage.daily_limit is null
            or case when usage.last_reset_daily < excluded.last_reset_daily then 0 else usage.daily_used end
                < usage.daily_limit)
        and (usage.monthly_limit is null
            or case when usage.last_reset_monthly < excluded.last_reset_monthly then 0 else usage.monthly_used end
                < usage.monthly_limit)
    returning user_id),
advanced_conversation as (
    update conversations c
    set last_seq = c.last_seq + 1,
        last_activity_at = greatest(c.last_activity_at, now()),
        title = case
            when c.title = :no_title and not exists (
                select 1 from messages m
                where m.user_id = :user_id and m.conversation_id = :id and m.role = 'user')
            then :title::text
            else c.title
        end
    from consumed_usage u
    where c.user_id = :user_id and c.id = :id and u.user_id = c.user_id
    returning c.user_id, c.id, c.last_seq, c.last_activity_at),
inserted_message as (
    insert into messages as m (user_id, conversation_id, seq, role, content, stage1, stage2, stage3, metadata, created_at)
    select c.user_id, c.id, a.last_seq, 'user', :content, :stage1::json, :stage2::json, :stage3::json, :metadata::json,
        a.last_activity_at
    from conversations c
    join advanced_conversation a on a.id = c.id
    where c.user_id = :user_id and c.id = :id
    returning m.seq, m.created_at)
select
    (select seq from inserted_message) as seq,
    (select created_at from inserted_message) as created_at,
    (select is_next from locked_conversation) as is_next;

-- name: append(user_id, id, seq, content, stage1, stage2, stage3, metadata)^
-- An assistant message. No row: no such conversation, or its seq is not the next one.
with advanced_conversation as (
    update conversations
    set last_seq = last_seq + 1, last_activity_at = greatest(last_activity_at, now())
    where user_id = :user_id and id = :id and (:seq::integer is null or last_seq + 1 = :seq)
    returning user_id, id, last_seq, last_activity_at)
insert into messages (user_id, conversation_id, seq, role, content, stage1, stage2, stage3, metadata, created_at)
select user_id, id, last_seq, 'assistant', :content, :stage1::json, :stage2::json, :stage3::json, :metadata::json,
    last_activity_at
from advanced_conversation
returning seq, created_at;

-- name: find_message(user_id, id, seq, role, content, stage1, stage2, stage3, metadata)^
-- The message that has the seq of one that was sent: when it came, and whether the two are equal: documents by their texts. No
-- row: no such conversation.
select
    m.seq, m.created_at,
    m.seq is not null
        and (m.role, m.content, m.stage1::text, m.stage2::text, m.stage3::text, m.metadata::text)
            is not distinct from
            (:role::text, :content::text, :stage1::text, :stage2::text, :stage3::text, :metadata::text) as is_equal
from conversations c
left join messages m on m.user_id = c.user_id and m.conversation_id = c.id and m.seq = :seq::integer
where c.user_id = :user_id and c.id = :id;

-- name: place(user_id, id, title, is_archived, last_seq)!
-- First statement of a save: the row, when it is new. 0: it is there, and not locked yet.
insert into conversations (user_id, id, title, is_archived, last_seq)
values (:user_id, :id, :title, :is_archived, :last_seq)
on conflict (user_id, id) do nothing;

-- name: lock(user_id, id, versions)$
-- Second statement of a save of a conversation that is there: no message comes in between. Null versions: any.
-- Null: not this user's, or not at one of them.
select id
from conversations
where user_id = :user_id and id = :id and (:versions::int8multirange is null or version <@ :versions)
for no key update;

-- name: count_new(user_id, id, contents)$
-- How many user messages of a save were not there before, wherever they stood: these count against the quota.
select count(*)
from (
    select content from unnest(:contents::text[]) sent (content)
    except all
    select content from messages where user_id = :user_id and conversation_id = :id and role = 'user') new_message;

-- name: save(user_id, id, title, is_archived, roles, contents, stages1, stages2, stages3, metadata, is_new)^
-- Last statement of a save: the fields of the messages, in their order. A message whose role and content stay keeps its time,
-- and a save that changes nothing is none. is_new: place() made the row, which is at its first version then. Only messages that
-- differ from what is stored are written: a row that "on conflict" turns away was locked first, and its words were gathered.
with written_message as (
    insert into messages (user_id, conversation_id, seq, role, content, stage1, stage2, stage3, metadata, created_at)
    with compared_message as (
        select s.seq::integer as seq, s.role, s.content, s.stage1, s.stage2, s.stage3, s.metadata,
            case when m.role = s.role and m.content is not distinct from s.content then m.created_at end as kept_at,
            (m.role, m.content, m.stage1::text, m.stage2::text, m.stage3::text, m.metadata::text)
                is distinct from
                (s.role, s.content, s.stage1, s.stage2, s.stage3, s.metadata) as is_changed
        from unnest(
            :roles::text[], :contents::text[], :stages1::text[], :stages2::text[], :stages3::text[], :metadata::text[])
            with ordinality as s (role, content, stage1, stage2, stage3, metadata, seq)
        left join messages m on m.user_id = :user_id and m.conversation_id = :id and m.seq = s.seq
        offset 0),
-- What stays goes on without its texts, which would be sorted with it.
    narrowed_message as (
        select seq, kept_at, is_changed,
            case when is_changed then role end as role,
            case when is_changed then content end as content,
            case when is_changed then stage1 end as stage1,
            case when is_changed then stage2 end as stage2,
            case when is_changed then stage3 end as stage3,
            case when is_changed then metadata end as metadata
        from compared_message
        offset 0),
-- A message between two that keep their times gets that of the later one: so they stay in order.
    timed_message as (
        select seq, role, content, stage1, stage2, stage3, metadata, is_changed,
            coalesce(
                kept_at,
                min(kept_at) over (order by seq desc rows between unbounded preceding and 1 preceding),
                greatest(now(), max(kept_at) over (order by seq rows between unbounded preceding and 1 preceding)))
                as created_at
        from narrowed_message)
    select :user_id, :id, seq, role, content, stage1::json, stage2::json, stage3::json, metadata::json, created_at
    from timed_message
    where is_changed
    on conflict (user_id, conversation_id, seq) do update
    set role = excluded.role,
        content = excluded.content,
        stage1 = excluded.stage1,
        stage2 = excluded.stage2,
        stage3 = excluded.stage3,
        metadata = excluded.metadata,
        extra = null,
        created_at = excluded.created_at
    returning seq),
deleted_message as (
    delete from messages
    where user_id = :user_id and conversation_id = :id and seq > cardinality(:roles::text[])
    returning seq),
counted as (
    select (select count(*) from written_message) + (select count(*) from deleted_message) > 0 and not :is_new as is_changed,
        now() as at)
update conversations c
set title = :title,
    is_archived = :is_archived,
    last_seq = cardinality(:roles::text[]),
    saves = c.saves + n.is_changed::integer,
    last_activity_at = case when n.is_changed then greatest(c.last_activity_at, n.at) else c.last_activity_at end
from counted n
where c.user_id = :user_id and c.id = :id
returning c.id, c.title, c.is_archived, c.last_seq as message_count, c.last_activity_at, c.created_at, c.updated_at, c.version;
