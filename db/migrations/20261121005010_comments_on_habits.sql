-- migrate:up
create table habit_comments (
    user_id uuid not null constraint habit_comments_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    habit_id uuid not null,
    date date not null constraint habit_comments_date_range check (date between '1900-01-01' and '9999-12-31'),
    text text not null
        constraint habit_comments_text_length check (char_length(text) between 1 and 2000)
        constraint habit_comments_text_not_blank check (text ~ '[^[:space:]]'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null default new_version(),
    primary key (user_id, id),
    constraint habit_comments_habit_exists foreign key (user_id, habit_id) references habits on delete cascade
);

-- habits.page_comments_newest and page_comments_oldest: the comments of a day, in the order in which they were made; and the
-- cascade.
create index habit_comments_day on habit_comments (user_id, habit_id, date, id);

create trigger habit_comments_touch before update on habit_comments for each row execute function touch();

comment on table habit_comments is
    'What a user says about a habit on a day, several times if they like. Of the day: its entry need not be there.';
comment on column habit_comments.version is
    'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

-- migrate:down
drop table habit_comments;
