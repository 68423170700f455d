-- migrate:up

create table goals (
    user_id uuid not null constraint goals_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    title text not null
        constraint goals_title_length check (char_length(title) between 1 and 255)
        constraint goals_title_not_blank check (title ~ '[^[:space:]]'),
    description text constraint goals_description_length check (char_length(description) <= 10000),
    goal_type text not null constraint goals_goal_type_known check (goal_type in ('daily', 'weekly', 'monthly', 'yearly')),
    category text constraint goals_category_length check (char_length(category) between 1 and 100),
    target_value numeric constraint goals_target_value_range check (target_value > 0 and target_value <= 1000000000),
    target_unit text constraint goals_target_unit_length check (char_length(target_unit) between 1 and 50),
    start_date date constraint goals_start_date_range check (start_date between '1900-01-01' and '9999-12-31'),
    end_date date constraint goals_end_date_range check (end_date between '1900-01-01' and '9999-12-31'),
    status text not null default 'active'
        constraint goals_status_known check (status in ('active', 'completed', 'cancelled', 'paused')),
    priority integer not null default 0 constraint goals_priority_range check (priority between 0 and 5),
    is_recurring boolean not null default false,
    recurrence_pattern text
        constraint goals_recurrence_pattern_length check (char_length(recurrence_pattern) between 1 and 500),
    parent_id uuid,
    previous_id uuid,
    completed_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || setweight(to_tsvector('simple', title), 'A')
        || setweight(to_tsvector('simple', coalesce(description, '')), 'B')) stored,
    primary key (user_id, id),
    constraint goals_parent_exists foreign key (user_id, parent_id) references goals on delete cascade,
    constraint goals_end_date_order check (end_date >= start_date),
    constraint goals_parent_other check (parent_id <> id),
    constraint goals_completed_at_status check ((status = 'completed') = (completed_at is not null)),
    constraint goals_recurrence_pattern_needed check (not is_recurring or recurrence_pattern is not null)
);

-- Sub-goals of a goal (goals.tree), and the cascade.
create index goals_parent on goals (user_id, parent_id, id) where parent_id is not null;
-- goals.recur: a recurring goal has one next occurrence, however often it is completed, reopened and completed again.
create unique index goals_previous_id_unique on goals (user_id, previous_id) where previous_id is not null;
-- search.page_hits, as on habits.
create index goals_search on goals using gin (search);

create trigger goals_touch before update on goals for each row execute function touch('search');

create table goal_progress (
    user_id uuid not null constraint goal_progress_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    goal_id uuid not null,
    date date not null constraint goal_progress_date_range check (date between '1900-01-01' and '9999-12-31'),
    value numeric not null constraint goal_progress_value_range check (value between -1000000000 and 1000000000),
    note text constraint goal_progress_note_length check (char_length(note) <= 10000),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    primary key (user_id, id),
    constraint goal_progress_goal_exists foreign key (user_id, goal_id) references goals on delete cascade
);

-- The newest value of a goal (every read of a goal), its list by date, and the cascade.
create index goal_progress_goal on goal_progress (user_id, goal_id, date, id);

create trigger goal_progress_touch before update on goal_progress for each row execute function touch();

-- 0 to 100 and never null, so that a client can draw it: how much of the target is reached, to two decimals. A goal that has a
-- target and no progress is at 0; one without a target is at 100 when it is completed, and at 0 before.
create function goal_percentage(status text, target_value numeric, current_value numeric) returns numeric
language sql immutable parallel safe
return case
    when target_value is not null then
        trim_scale(greatest(0, least(100, round(100 * coalesce(current_value, 0) / target_value, 2))))
    when status = 'completed' then 100
    else 0
end;

comment on table goals is 'What a user wants to reach. Current value and percentage are derived from goal_progress, never stored.';
comment on column goals.completed_at is 'Set exactly when status is completed.';
comment on column goals.recurrence_pattern is 'An RFC 5545 recurrence rule, such as FREQ=WEEKLY;BYDAY=MO: when the next occurrence begins.';
comment on column goals.parent_id is 'A goal of the same user; cycles are refused by the statement that moves a goal (goals.move).';
comment on column goals.previous_id is 'The recurring goal whose completion made this one. A key, no reference: that goal may be deleted since.';
comment on column goals.search is 'Words of title and description, and the owner''s id as a word.';
comment on column goals.version is 'Counts real changes; the API''s ETag.';
comment on table goal_progress is 'How far a goal was on a day. The newest by date, then by id, is the goal''s current value.';

-- migrate:down
drop function goal_percentage(text, numeric, numeric);
drop table goal_progress;
drop table goals;
