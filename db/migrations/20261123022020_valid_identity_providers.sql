-- migrate:up

-- Reads the table, without keeping anyone from it.
alter table identities validate constraint identities_provider_form;

-- migrate:down
-- What is valid may stay so.
select 1;
