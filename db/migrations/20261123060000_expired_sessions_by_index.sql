-- migrate:up

-- accounts.delete_expired_sessions. A change of last_seen_at writes both other indexes anyway: the pages of this table are full.
-- squawk-ignore require-concurrent-index-creation
create index sessions_expires_at on sessions (expires_at);

-- migrate:down
-- squawk-ignore require-concurrent-index-deletion
drop index sessions_expires_at;
