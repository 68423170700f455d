-- migrate:up

create table progress_snapshots (
    user_id uuid not null constraint progress_snapshots_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    period text not null
        constraint progress_snapshots_period_known check (period in ('daily', 'weekly', 'monthly', 'yearly')),
    date date not null
        constraint progress_snapshots_date_range check (date between '1900-01-01' and '9999-12-31')
        constraint progress_snapshots_date_first check (case period
            when 'weekly' then extract(isodow from date) = 1
            when 'monthly' then extract(day from date) = 1
            when 'yearly' then extract(doy from date) = 1
            else true end),
    goals_active integer not null default 0 constraint progress_snapshots_goals_active_range check (goals_active >= 0),
    goals_completed integer not null default 0
        constraint progress_snapshots_goals_completed_range check (goals_completed >= 0),
    habit_completion_rate numeric
        constraint progress_snapshots_habit_completion_rate_range check (habit_completion_rate between 0 and 1),
    longest_streak integer not null default 0 constraint progress_snapshots_longest_streak_range check (longest_streak >= 0),
    workouts_count integer not null default 0 constraint progress_snapshots_workouts_count_range check (workouts_count >= 0),
    workout_minutes numeric not null default 0
        constraint progress_snapshots_workout_minutes_range check (workout_minutes >= 0 and workout_minutes < 'NaN'),
    calories_avg numeric constraint progress_snapshots_calories_avg_range check (calories_avg >= 0 and calories_avg < 'NaN'),
    mood_avg numeric constraint progress_snapshots_mood_avg_range check (mood_avg between 1 and 10),
    sleep_avg numeric constraint progress_snapshots_sleep_avg_range check (sleep_avg between 0 and 24),
    weight numeric constraint progress_snapshots_weight_range check (weight > 0 and weight <= 10000),
    weight_unit text constraint progress_snapshots_weight_unit_known check (weight_unit in ('kg', 'lbs')),
    body_fat_percent numeric
        constraint progress_snapshots_body_fat_percent_range check (body_fat_percent between 0 and 100),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id),
    constraint progress_snapshots_period_unique unique (user_id, period, date),
    constraint progress_snapshots_weight_unit_needed check (weight is null or weight_unit is not null)
);

-- The list goes by date, over all periods or one (progress.page_newest).
create index progress_snapshots_date on progress_snapshots (user_id, date, id);

create trigger progress_snapshots_touch before update on progress_snapshots for each row execute function touch();

comment on table progress_snapshots is
    'A period at a glance, computed from what is there when it is asked for; kept, so that later changes do not rewrite history.';
comment on column progress_snapshots.date is 'The first day of the period: Monday, the 1st, 1 January.';
comment on column progress_snapshots.habit_completion_rate is 'From 0 to 1; null: no habit was due.';
comment on column progress_snapshots.version is 'Counts real changes; the API''s ETag.';

-- migrate:down
drop table progress_snapshots;
