-- migrate:up

alter table tags add column description text;
-- squawk-ignore constraint-missing-not-valid
alter table tags add constraint tags_description_length check (char_length(description) <= 500);

comment on column tags.description is 'What the tag is for.';

-- migrate:down
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table tags drop column description;
