-- migrate:up

create table audit_events (
    id uuid primary key default new_id(),
    actor_id uuid not null,
    acting_for uuid,
    action text not null constraint audit_events_action_length check (char_length(action) between 1 and 200),
    target text constraint audit_events_target_length check (char_length(target) <= 2000),
    detail jsonb,
    created_at timestamptz not null default now()
);

comment on table audit_events is
    'What admins and services did. Append-only, written before the act: so there is no act without its row.';
comment on column audit_events.actor_id is 'Whose token it was. No foreign key: the row outlives the account.';
comment on column audit_events.acting_for is 'For which user a service acted. No foreign key, as actor_id.';
comment on column audit_events.action is 'Method and route, such as PATCH /v1/admin/users/{id}.';
comment on column audit_events.target is 'The path that was asked for.';
comment on column audit_events.detail is 'The request id, by which the log tells how it ended.';

-- Whoever is acted for by a service has no token that a notice could name: a deleted user is told like a changed one.
create trigger users_deleted after delete on users for each row execute function notify_caller_changed();

-- migrate:down
drop trigger users_deleted on users;
drop table audit_events;
