-- migrate:up

-- Validated by the next migration, so that no one waits for both. What the old one takes the new one takes, too.
-- squawk-ignore-file ban-drop-constraint
alter table identities
    drop constraint identities_provider_known,
    add constraint identities_provider_form check (provider ~ '^[a-z][a-z0-9]{0,29}$') not valid;

comment on column identities.provider is 'A provider of the settings, or whoever signs users in for a service; legacy: an old app.';

-- A service that names the identity shall not act for this user any more.
create trigger identities_ended after delete on identities
for each row execute function notify_caller_changed();

-- migrate:down
drop trigger identities_ended on identities;
comment on column identities.provider is null;
-- Identities of other providers stay, and are not checked.
alter table identities
    drop constraint identities_provider_form,
    add constraint identities_provider_known
        check (provider in ('google', 'github', 'firebase', 'auth0', 'legacy')) not valid;
