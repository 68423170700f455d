-- migrate:up

-- The table is read once more under the lock: taken before the first release, in which no table is large.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint, require-concurrent-index-deletion
alter table blog_entries
    drop constraint blog_entries_title_length,
    add constraint blog_entries_title_length check (char_length(title) between 1 and 500),
    add column is_public boolean not null default false;

-- blog_entries.page_public: what anybody may read of a user, newest first.
-- squawk-ignore require-concurrent-index-creation
create index blog_entries_public on blog_entries (user_id, id) where is_public and status = 'published';

comment on column blog_entries.is_public is 'Anybody may read it while it is published, without a token.';

-- migrate:down
drop index blog_entries_public;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table blog_entries drop column is_public;
-- Titles that are longer by now stay.
alter table blog_entries
    drop constraint blog_entries_title_length,
    add constraint blog_entries_title_length check (char_length(title) between 1 and 255) not valid;
