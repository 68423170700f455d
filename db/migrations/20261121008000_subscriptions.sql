-- migrate:up

-- Made before the first release, in which no table is large.
-- squawk-ignore-file constraint-missing-not-valid
alter table usage add column subscription_id text;
alter table usage add column subscription_status text;
alter table usage add constraint usage_subscription_id_length check (char_length(subscription_id) between 1 and 100);
alter table usage add constraint usage_subscription_status_length check (char_length(subscription_status) between 1 and 100);

comment on column usage.subscription_id is 'What the payment provider calls the subscription that the tier comes from.';
comment on column usage.subscription_status is 'As the payment provider says it; nothing here depends on it.';

-- migrate:down
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table usage drop column subscription_status;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table usage drop column subscription_id;
