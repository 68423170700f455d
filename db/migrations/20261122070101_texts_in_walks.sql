-- migrate:up

-- With the number of messages, by which the walk of a search is bounded.
create or replace view ordered_conversations as
select user_id, 'activity' as list_order, last_activity_at as at, id, is_archived, search, version, last_seq
from conversations
union all
select user_id, 'created', created_at, id, is_archived, search, version, last_seq
from conversations;

-- migrate:down
-- It is made again at once, in the same transaction.
-- squawk-ignore ban-drop-view
drop view ordered_conversations;
create view ordered_conversations as
select user_id, 'activity' as list_order, last_activity_at as at, id, is_archived, search, version
from conversations
union all
select user_id, 'created', created_at, id, is_archived, search, version
from conversations;

comment on view ordered_conversations is 'Each conversation twice: at is the time by which either order of the list goes.';
