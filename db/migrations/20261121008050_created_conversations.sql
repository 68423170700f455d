-- migrate:up

-- conversations.page_created: the list by time of creation. Made before the first release, in which no table is large.
-- squawk-ignore require-concurrent-index-creation
create index conversations_created on conversations (user_id, created_at, id);

-- migrate:down
-- squawk-ignore require-concurrent-index-deletion
drop index conversations_created;
