-- migrate:up

create table habits (
    user_id uuid not null constraint habits_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    name text not null
        constraint habits_name_length check (char_length(name) between 1 and 255)
        constraint habits_name_not_blank check (name ~ '[^[:space:]]'),
    description text constraint habits_description_length check (char_length(description) <= 10000),
    kind text not null default 'boolean' constraint habits_kind_known check (kind in ('boolean', 'numeric')),
    unit text constraint habits_unit_length check (char_length(unit) between 1 and 50),
    target_value numeric constraint habits_target_value_range check (target_value > 0 and target_value <= 1000000000),
    frequency text not null default 'daily'
        constraint habits_frequency_known check (frequency in ('daily', 'weekly', 'custom')),
    target_days integer not null default 7 constraint habits_target_days_range check (target_days between 1 and 7),
    category text constraint habits_category_length check (char_length(category) between 1 and 100),
    color text constraint habits_color_form check (color ~ '^#[0-9A-Fa-f]{6}$'),
    icon text constraint habits_icon_length check (char_length(icon) between 1 and 100),
    reminder_time time,
    is_archived boolean not null default false,
    position integer not null default 0 constraint habits_position_range check (position between 0 and 1000000),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || setweight(to_tsvector('simple', name), 'A')
        || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored,
    primary key (user_id, id),
    constraint habits_target_value_numeric check (kind = 'numeric' or target_value is null)
);

-- search.page_hits: the owner is a lexeme too, so that the index alone narrows to the user.
create index habits_search on habits using gin (search);

create trigger habits_touch before update on habits for each row execute function touch('search');

create table habit_entries (
    user_id uuid not null constraint habit_entries_user_exists references users on delete cascade,
    habit_id uuid not null,
    date date not null constraint habit_entries_date_range check (date between '1900-01-01' and '9999-12-31'),
    completed boolean not null default false,
    skipped boolean not null default false,
    value numeric constraint habit_entries_value_range check (value >= 0 and value <= 1000000000),
    note text constraint habit_entries_note_length check (char_length(note) <= 2000),
    mood integer constraint habit_entries_mood_range check (mood between 1 and 10),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, habit_id, date),
    constraint habit_entries_habit_exists foreign key (user_id, habit_id) references habits on delete cascade,
    constraint habit_entries_skipped_not_completed check (not (completed and skipped))
);

create trigger habit_entries_touch before update on habit_entries for each row execute function touch();

comment on table habits is 'What a user wants to do again and again. Streaks and rates are derived from habit_entries, never stored.';
comment on column habits.target_value is 'A numeric habit''s entry is completed when its value reaches this.';
comment on column habits.target_days is 'Weekly and custom habits: how many days of a week make it a good week. Daily habits ignore it.';
comment on column habits.position is 'The order of the list of today, chosen by the user; equal positions are ordered by id.';
comment on column habits.search is 'Words of name and description, and the owner''s id as a word.';
comment on column habits.version is 'Counts real changes; the API''s ETag.';
comment on table habit_entries is 'What happened with a habit on a day, one row at most; the day is the user''s own, in their time zone.';
comment on column habit_entries.skipped is 'Left out on purpose: neither breaks nor lengthens a streak.';

-- migrate:down
drop table habit_entries;
drop table habits;
