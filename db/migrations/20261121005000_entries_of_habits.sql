-- migrate:up

-- Made before the first release, in which no table is large: rows are checked at once, and locked for as long.
-- squawk-ignore-file constraint-missing-not-valid
-- The down half takes back the columns that this migration added.
-- squawk-ignore-file ban-drop-column
alter table habit_entries
    add column feeling text,
    add column duration_seconds numeric,
    add column completed_at timestamptz;

alter table habit_entries
    add constraint habit_entries_feeling_length check (char_length(feeling) between 1 and 50),
    add constraint habit_entries_duration_seconds_range check (duration_seconds between 0 and 10000000),
    add constraint habit_entries_completed_at_range
        check (completed_at >= '1900-01-01 00:00:00+00' and completed_at < '9999-12-31 00:00:00+00'),
    add constraint habit_entries_completed_at_completed check (completed or completed_at is null);

comment on column habit_entries.feeling is 'A word for how it was, where mood is a number.';
comment on column habit_entries.completed_at is
    'When it was completed: as sent, or else when the entry became completed. Null: not completed, or not known, as of '
    'entries from before the column.';

-- migrate:down
alter table habit_entries
    drop column feeling,
    drop column duration_seconds,
    drop column completed_at;
