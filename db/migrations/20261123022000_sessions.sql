-- migrate:up

alter table sessions add column device_name text;
alter table sessions
    -- squawk-ignore constraint-missing-not-valid
    add constraint sessions_device_name_length check (char_length(device_name) between 1 and 100),
    -- squawk-ignore constraint-missing-not-valid
    add constraint sessions_device_name_not_blank check (device_name ~ '[^[:space:]]');

comment on column sessions.device_name is 'What the user calls the place where they are signed in.';

-- migrate:down
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table sessions drop column device_name;
