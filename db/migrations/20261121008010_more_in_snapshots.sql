-- migrate:up

-- Made before the first release, in which no table is large.
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-deletion
alter table progress_snapshots
    add column energy_avg numeric,
    add column habits_active integer not null default 0,
    add column blog_entries_count integer not null default 0,
    add column notes text;
alter table progress_snapshots
    add constraint progress_snapshots_energy_avg_range check (energy_avg between 1 and 10),
    add constraint progress_snapshots_habits_active_range check (habits_active >= 0),
    add constraint progress_snapshots_blog_entries_count_range check (blog_entries_count >= 0),
    add constraint progress_snapshots_notes_length check (char_length(notes) <= 10000);

-- progress.put counts the entries of a period; without it each snapshot would read all entries that the user ever wrote.
-- squawk-ignore require-concurrent-index-creation
create index blog_entries_created_at on blog_entries (user_id, created_at);

comment on column progress_snapshots.notes is 'By the user, like weight and body_fat_percent: they stay when it is computed again.';

-- migrate:down
drop index blog_entries_created_at;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table progress_snapshots drop column notes;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table progress_snapshots drop column blog_entries_count;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table progress_snapshots drop column habits_active;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table progress_snapshots drop column energy_avg;
