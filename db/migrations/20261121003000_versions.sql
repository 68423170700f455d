-- migrate:up

-- A counter begins at 1 again when a row is deleted and made anew, so that an old If-Match overwrote the new row:
-- docs/decisions/0027. A version is a time instead. Rows that exist take that of their last change; triggers do not fire.
-- Made before the first release, in which no table is large: each is rewritten once, and locked for as long.
-- squawk-ignore-file changing-column-type
create function new_version() returns bigint
language sql volatile parallel safe
return (extract(epoch from clock_timestamp()) * 1000000)::bigint;

comment on function new_version is
    'The version of a row that is made or changed now: microseconds since 1970. Not now(): it repeats within a transaction.';

create or replace function touch() returns trigger language plpgsql as $$
declare
    -- Without arguments tg_argv is null, and "- null" would make every two rows equal.
    ignored text[] := coalesce(tg_argv, '{}');
begin
    if to_jsonb(old) - ignored is distinct from to_jsonb(new) - ignored then
        new.version := greatest(old.version + 1, new_version());
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

alter table users
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table tasks
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table habits
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table habit_entries
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table goals
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table goal_progress
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table foods
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table workouts
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table daily_reviews
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table blog_entries
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table conversations
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table tags
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table media
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();
alter table progress_snapshots
    alter column version type bigint using (extract(epoch from updated_at) * 1000000)::bigint,
    alter column version set default new_version();

comment on column users.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column tasks.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column habits.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column habit_entries.version is
    'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column goals.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column goal_progress.version is
    'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column foods.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column workouts.version is
    'Microseconds since 1970 of its last real change, those of its exercises too; it never repeats. The API''s ETag.';
comment on column daily_reviews.version is
    'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column blog_entries.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column conversations.version is
    'Microseconds since 1970 of its last real change, new messages too; it never repeats. The API''s ETag.';
comment on column tags.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column media.version is 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';
comment on column progress_snapshots.version is
    'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

-- migrate:down
-- A time does not fit the counter: rows count from 1 again.
alter table users
    alter column version type integer using 1,
    alter column version set default 1;
alter table tasks
    alter column version type integer using 1,
    alter column version set default 1;
alter table habits
    alter column version type integer using 1,
    alter column version set default 1;
alter table habit_entries
    alter column version type integer using 1,
    alter column version set default 1;
alter table goals
    alter column version type integer using 1,
    alter column version set default 1;
alter table goal_progress
    alter column version type integer using 1,
    alter column version set default 1;
alter table foods
    alter column version type integer using 1,
    alter column version set default 1;
alter table workouts
    alter column version type integer using 1,
    alter column version set default 1;
alter table daily_reviews
    alter column version type integer using 1,
    alter column version set default 1;
alter table blog_entries
    alter column version type integer using 1,
    alter column version set default 1;
alter table conversations
    alter column version type integer using 1,
    alter column version set default 1;
alter table tags
    alter column version type integer using 1,
    alter column version set default 1;
alter table media
    alter column version type integer using 1,
    alter column version set default 1;
alter table progress_snapshots
    alter column version type integer using 1,
    alter column version set default 1;

create or replace function touch() returns trigger language plpgsql as $$
declare
    -- Without arguments tg_argv is null, and "- null" would make every two rows equal.
    ignored text[] := coalesce(tg_argv, '{}');
begin
    if to_jsonb(old) - ignored is distinct from to_jsonb(new) - ignored then
        new.version := old.version + 1;
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

drop function new_version();

comment on column users.version is null;
comment on column tasks.version is 'Counts real changes; the API''s ETag.';
comment on column habits.version is 'Counts real changes; the API''s ETag.';
comment on column habit_entries.version is null;
comment on column goals.version is 'Counts real changes; the API''s ETag.';
comment on column goal_progress.version is null;
comment on column foods.version is 'Counts real changes; the API''s ETag.';
comment on column workouts.version is 'Counts real changes, those of its exercises too; the API''s ETag.';
comment on column daily_reviews.version is 'Counts real changes; the API''s ETag.';
comment on column blog_entries.version is 'Counts real changes; the API''s ETag.';
comment on column conversations.version is 'Counts real changes, new messages too; the API''s ETag.';
comment on column tags.version is 'Counts real changes; the API''s ETag.';
comment on column media.version is 'Counts real changes; the API''s ETag.';
comment on column progress_snapshots.version is 'Counts real changes; the API''s ETag.';
