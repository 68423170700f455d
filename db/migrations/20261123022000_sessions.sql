-- migrate:up

alter table sessions
    add column device_name text,
    add column last_ip inet,
    add column last_user_agent text;
alter table sessions
    -- squawk-ignore constraint-missing-not-valid
    add constraint sessions_device_name_length check (char_length(device_name) between 1 and 100),
    -- squawk-ignore constraint-missing-not-valid
    add constraint sessions_device_name_not_blank check (device_name ~ '[^[:space:]]'),
    -- squawk-ignore constraint-missing-not-valid
    add constraint sessions_last_user_agent_length check (char_length(last_user_agent) <= 500);

comment on column sessions.device_name is 'What the user calls the place where they are signed in.';
comment on column sessions.last_ip is 'Of its last use; null: it was not written since it was made. At most hourly, with last_seen_at.';
comment on column sessions.last_user_agent is 'Of its last use, as last_ip.';
comment on column sessions.expires_at is 'Moves with last_seen_at, and never further than SESSION_MAX_DAYS from created_at.';

-- migrate:down
comment on column sessions.expires_at is null;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table sessions drop column last_user_agent;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table sessions drop column last_ip;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table sessions drop column device_name;
