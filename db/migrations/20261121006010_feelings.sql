-- migrate:up

alter table workouts
    add column feeling_before text,
    add column feeling_after text;
alter table workouts
    -- squawk-ignore constraint-missing-not-valid
    add constraint workouts_feeling_before_length check (char_length(feeling_before) between 1 and 50),
    -- squawk-ignore constraint-missing-not-valid
    add constraint workouts_feeling_after_length check (char_length(feeling_after) between 1 and 50);

comment on column workouts.feeling_before is 'In the user''s words, beside the number in mood_before.';
comment on column workouts.feeling_after is 'In the user''s words, beside the number in mood_after.';

-- migrate:down
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table workouts drop column feeling_after;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table workouts drop column feeling_before;
