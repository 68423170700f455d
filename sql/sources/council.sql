-- name: users()
-- Who has a conversation, or only usage; with the time of the first conversation.
select user_id, min(created_at) as created_at
from (
    select user_id, created_at from conversations
    union all
    select user_id, null from usage) u
group by user_id
order by user_id;

-- name: usage()
select * from usage order by user_id;

-- name: count_usage()$
select count(*) from usage;

-- name: conversations()
-- With how many messages there are, when the last came, and what the user said first.
select c.*, coalesce(m.message_count, 0)::integer as message_count, m.last_at, f.content as first_content
from conversations c
left join (
    select conversation_id, count(*) as message_count, max(created_at) as last_at from messages group by conversation_id) m
    on m.conversation_id = c.id
left join lateral (
    select content from messages
    where conversation_id = c.id and role = 'user' and c.title is null
    order by created_at, id
    limit 1) f on true
order by c.user_id, c.id;

-- name: count_conversations()$
select count(*) from conversations;

-- name: messages()
-- Their places are those of their times; is_tied: the one before has the same.
select m.*, c.user_id as owner,
    (row_number() over conversation)::integer as seq,
    m.created_at = lag(m.created_at) over conversation as is_tied
from messages m
left join conversations c on c.id = m.conversation_id
window conversation as (partition by m.conversation_id order by m.created_at, m.id);

-- name: count_messages()$
select count(*) from messages;
