-- migrate:up

-- Three more frequencies, and what each needs: target_days of a week or of a month, weekdays, interval_days; each is there
-- exactly where the frequency needs it. A daily habit had 7 target_days, which nothing read: its version changes with its row.
-- Made before the first release, in which no table is large: rows are checked at once, and locked for as long.
-- squawk-ignore-file constraint-missing-not-valid, adding-foreign-key-constraint, ban-drop-constraint, ban-drop-not-null
-- squawk-ignore-file ban-drop-default
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion, adding-not-nullable-field
-- The down half takes back the columns that this migration added.
-- squawk-ignore-file ban-drop-column
alter table habits
    add column weekdays integer[],
    add column interval_days integer,
    add column nature text,
    add column reward text,
    add column duration_seconds numeric,
    add column related_habit_id uuid;

alter table habits
    alter column target_days drop not null,
    alter column target_days drop default,
    drop constraint habits_frequency_known,
    drop constraint habits_target_days_range;

update habits set target_days = null where frequency = 'daily';

create function default_target_days(frequency text) returns integer
language sql immutable parallel safe
return case frequency when 'weekly' then 1 when 'custom' then 7 when 'monthly' then 1 end;

comment on function default_target_days is 'How many days a habit gets that says nothing; null where its frequency has none.';

create function is_set_of_weekdays(weekdays integer[]) returns boolean
language sql immutable parallel safe
return weekdays = (select array_agg(distinct day order by day) from unnest(weekdays) day where day between 1 and 7);

comment on function is_set_of_weekdays is
    'Whether these are days from 1 (Monday) to 7, in ascending order, each once: a set has one form. False or null for none.';

alter table habits
    add constraint habits_frequency_known
        check (frequency in ('daily', 'weekly', 'custom', 'weekdays', 'monthly', 'interval')),
    add constraint habits_target_days_range
        check (target_days between 1 and case frequency when 'monthly' then 31 else 7 end),
    add constraint habits_target_days_needed check ((target_days is not null) = (frequency in ('weekly', 'custom', 'monthly'))),
    add constraint habits_weekdays_set check (coalesce(is_set_of_weekdays(weekdays), weekdays is null)),
    add constraint habits_weekdays_needed check ((weekdays is not null) = (frequency = 'weekdays')),
    add constraint habits_interval_days_range check (interval_days between 2 and 365),
    add constraint habits_interval_days_needed check ((interval_days is not null) = (frequency = 'interval')),
    add constraint habits_nature_known check (nature in ('useful', 'pleasant')),
    add constraint habits_reward_length check (char_length(reward) <= 500),
    add constraint habits_duration_seconds_range check (duration_seconds between 0 and 10000000),
    add constraint habits_related_habit_other check (related_habit_id <> id),
    add constraint habits_related_habit_exists foreign key (user_id, related_habit_id) references habits;

-- habits.delete, and the check of the foreign key: which habits name this one.
create index habits_related_habit on habits (user_id, related_habit_id) where related_habit_id is not null;

comment on column habits.target_days is
    'How many days make a good week (weekly and custom habits) or a good month (monthly ones; at most all of its days).';
comment on column habits.weekdays is 'The days of the week on which the habit is due, 1 for Monday.';
comment on column habits.interval_days is 'The habit is due again so many days after it was done.';
comment on column habits.duration_seconds is 'How long it takes, as the user expects.';
comment on column habits.related_habit_id is
    'Another habit of the same user, such as the one that it follows on. Cleared by the statement that deletes that one: '
    'on delete set null would clear user_id, too.';

-- migrate:down
-- What the three frequencies say has no place: such a habit becomes a daily or a custom one.
drop index habits_related_habit;

alter table habits
    drop constraint habits_frequency_known,
    drop constraint habits_target_days_range,
    drop constraint habits_target_days_needed,
    drop constraint habits_weekdays_needed,
    drop constraint habits_interval_days_needed;

update habits
set frequency = case when frequency in ('monthly', 'weekdays') then 'custom' else 'daily' end,
    target_days = case frequency
        when 'monthly' then greatest(1, target_days * 7 / 31)
        when 'weekdays' then cardinality(weekdays)
        else 7 end
where frequency not in ('weekly', 'custom');

alter table habits
    drop column weekdays,
    drop column interval_days,
    drop column nature,
    drop column reward,
    drop column duration_seconds,
    drop column related_habit_id;

alter table habits
    alter column target_days set default 7,
    alter column target_days set not null,
    add constraint habits_frequency_known check (frequency in ('daily', 'weekly', 'custom')),
    add constraint habits_target_days_range check (target_days between 1 and 7);

drop function is_set_of_weekdays(integer[]);
drop function default_target_days(text);

comment on column habits.target_days is
    'Weekly and custom habits: how many days of a week make it a good week. Daily habits ignore it.';
