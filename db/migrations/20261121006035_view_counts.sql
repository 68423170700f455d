-- migrate:up

alter table blog_entries add column view_count bigint not null default 0;
alter table blog_entries
    -- squawk-ignore constraint-missing-not-valid
    add constraint blog_entries_view_count_range check (view_count >= 0);

-- Being read is no change of an entry: view_counts.add() changes nothing else.
drop trigger blog_entries_touch on blog_entries;
create trigger blog_entries_touch before update on blog_entries
for each row when (new.view_count = old.view_count) execute function touch('search');

comment on column blog_entries.view_count is
    'How often it was read at its public address. Outside of version and updated_at; written about once a minute.';

-- migrate:down
drop trigger blog_entries_touch on blog_entries;
create trigger blog_entries_touch before update on blog_entries for each row execute function touch('search');

-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table blog_entries drop column view_count;
