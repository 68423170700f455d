-- migrate:up

create table workouts (
    user_id uuid not null constraint workouts_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    date date not null constraint workouts_date_range check (date between '1900-01-01' and '9999-12-31'),
    time time,
    type text not null
        constraint workouts_type_length check (char_length(type) between 1 and 50)
        constraint workouts_type_not_blank check (type ~ '[^[:space:]]'),
    name text constraint workouts_name_length check (char_length(name) <= 255),
    duration_minutes numeric constraint workouts_duration_minutes_range check (duration_minutes > 0 and duration_minutes <= 1000000),
    calories_burned numeric constraint workouts_calories_burned_range check (calories_burned between 0 and 1000000),
    intensity text constraint workouts_intensity_known check (intensity in ('low', 'medium', 'high')),
    location text constraint workouts_location_length check (char_length(location) <= 255),
    mood_before integer constraint workouts_mood_before_range check (mood_before between 1 and 10),
    mood_after integer constraint workouts_mood_after_range check (mood_after between 1 and 10),
    notes text constraint workouts_notes_length check (char_length(notes) <= 10000),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id)
);

-- The list and the summaries go by date (workouts.page_newest, workouts.summary).
create index workouts_date on workouts (user_id, date, id);

create trigger workouts_touch before update on workouts for each row execute function touch();

create table workout_exercises (
    user_id uuid not null constraint workout_exercises_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    workout_id uuid not null,
    position integer not null constraint workout_exercises_position_range check (position between 1 and 1000),
    name text not null
        constraint workout_exercises_name_length check (char_length(name) between 1 and 255)
        constraint workout_exercises_name_not_blank check (name ~ '[^[:space:]]'),
    type text constraint workout_exercises_type_length check (char_length(type) between 1 and 50),
    sets integer constraint workout_exercises_sets_range check (sets between 0 and 10000),
    reps integer constraint workout_exercises_reps_range check (reps between 0 and 1000000),
    weight numeric constraint workout_exercises_weight_range check (weight between 0 and 1000000),
    weight_unit text constraint workout_exercises_weight_unit_known check (weight_unit in ('kg', 'lbs')),
    distance numeric constraint workout_exercises_distance_range check (distance between 0 and 100000000),
    distance_unit text
        constraint workout_exercises_distance_unit_known check (distance_unit in ('km', 'miles', 'meters')),
    -- Exact by definition (international yard and pound, 1959; NIST SP 811, appendix B): a pound is 0.45359237 kg, a mile
    -- 1609.344 m. trim_scale: 100 km are 100000 m, not 100000.0.
    weight_kg numeric generated always as (
        case weight_unit when 'kg' then weight when 'lbs' then trim_scale(weight * 0.45359237) end) stored,
    distance_m numeric generated always as (
        case distance_unit
            when 'meters' then distance
            when 'km' then trim_scale(distance * 1000)
            when 'miles' then trim_scale(distance * 1609.344)
        end) stored,
    duration_seconds numeric constraint workout_exercises_duration_seconds_range check (duration_seconds between 0 and 10000000),
    rest_seconds numeric constraint workout_exercises_rest_seconds_range check (rest_seconds between 0 and 10000000),
    notes text constraint workout_exercises_notes_length check (char_length(notes) <= 10000),
    created_at timestamptz not null default now(),
    primary key (user_id, id),
    constraint workout_exercises_workout_exists foreign key (user_id, workout_id) references workouts on delete cascade,
    constraint workout_exercises_position_unique unique (user_id, workout_id, position),
    constraint workout_exercises_weight_unit_needed check (weight is null or weight_unit is not null),
    constraint workout_exercises_distance_unit_needed check (distance is null or distance_unit is not null)
);

comment on table workouts is 'A training of a user, with its exercises in workout_exercises.';
comment on column workouts.version is 'Counts real changes, those of its exercises too; the API''s ETag.';
comment on table workout_exercises is 'What was done in a workout. Replaced as a whole: its version is the workout''s.';
comment on column workout_exercises.position is 'From 1 on, in the order that the client sent.';
comment on column workout_exercises.weight_unit is 'As entered: what was typed reads back. weight_kg and distance_m make it comparable.';

-- migrate:down
drop table workout_exercises;
drop table workouts;
