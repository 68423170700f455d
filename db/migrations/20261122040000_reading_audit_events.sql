-- migrate:up

create function audited_user(acting_for uuid, target text) returns uuid
language sql immutable parallel safe
return coalesce(
    acting_for,
    substring(target from '^/v1/admin/users/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})')::uuid);

comment on function audited_user is 'Whom an audit event is about: for whom it was done, or whose account an admin asked for.';

-- admin.page_audit_events_about: what was done to or for a user, newest first. Like those below made before the first release, in
-- which no table is large.
-- squawk-ignore require-concurrent-index-creation
create index audit_events_user on audit_events (audited_user(acting_for, target), id);

-- admin.page_audit_events_at: what was asked for at a path. A longer beginning of one might not fit into an index.
-- squawk-ignore require-concurrent-index-creation
create index audit_events_target on audit_events (left(target, 200), id);

-- admin.page_audit_events_by: what an actor did.
-- squawk-ignore require-concurrent-index-creation
create index audit_events_actor on audit_events (actor_id, id);

-- migrate:down
-- squawk-ignore require-concurrent-index-deletion
drop index audit_events_actor;
-- squawk-ignore require-concurrent-index-deletion
drop index audit_events_target;
-- squawk-ignore require-concurrent-index-deletion
drop index audit_events_user;
drop function audited_user(uuid, text);
