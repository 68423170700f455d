-- migrate:up

create table foods (
    user_id uuid not null constraint foods_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    date date not null constraint foods_date_range check (date between '1900-01-01' and '9999-12-31'),
    time time,
    meal_type text not null
        constraint foods_meal_type_known check (meal_type in ('breakfast', 'lunch', 'dinner', 'snack')),
    name text not null
        constraint foods_name_length check (char_length(name) between 1 and 255)
        constraint foods_name_not_blank check (name ~ '[^[:space:]]'),
    portion text constraint foods_portion_length check (char_length(portion) <= 100),
    calories numeric constraint foods_calories_range check (calories between 0 and 1000000000),
    protein_g numeric constraint foods_protein_g_range check (protein_g between 0 and 1000000000),
    carbs_g numeric constraint foods_carbs_g_range check (carbs_g between 0 and 1000000000),
    fats_g numeric constraint foods_fats_g_range check (fats_g between 0 and 1000000000),
    fiber_g numeric constraint foods_fiber_g_range check (fiber_g between 0 and 1000000000),
    sugar_g numeric constraint foods_sugar_g_range check (sugar_g between 0 and 1000000000),
    sodium_mg numeric constraint foods_sodium_mg_range check (sodium_mg between 0 and 1000000000),
    is_favorite boolean not null default false,
    notes text constraint foods_notes_length check (char_length(notes) <= 10000),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id)
);

-- The list and the summaries go by date (foods.page_newest, foods.summary).
create index foods_date on foods (user_id, date, id);

create trigger foods_touch before update on foods for each row execute function touch();

comment on table foods is 'What a user ate or drank. The day is the user''s own: a date, not a time in UTC.';
comment on column foods.portion is 'As the user says it: "1 cup", "200 g".';
comment on column foods.calories is 'Kilocalories.';
comment on column foods.version is 'Counts real changes; the API''s ETag.';

-- migrate:down
drop table foods;
