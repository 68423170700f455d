-- migrate:up

create table daily_reviews (
    user_id uuid not null constraint daily_reviews_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    date date not null constraint daily_reviews_date_range check (date between '1900-01-01' and '9999-12-31'),
    mood integer constraint daily_reviews_mood_range check (mood between 1 and 10),
    energy integer constraint daily_reviews_energy_range check (energy between 1 and 10),
    productivity integer constraint daily_reviews_productivity_range check (productivity between 1 and 10),
    sleep_quality integer constraint daily_reviews_sleep_quality_range check (sleep_quality between 1 and 10),
    sleep_hours numeric constraint daily_reviews_sleep_hours_range check (sleep_hours between 0 and 24),
    water_ml integer constraint daily_reviews_water_ml_range check (water_ml between 0 and 1000000),
    screen_minutes integer constraint daily_reviews_screen_minutes_range check (screen_minutes between 0 and 1000000),
    steps integer constraint daily_reviews_steps_range check (steps between 0 and 1000000000),
    highlights text constraint daily_reviews_highlights_length check (char_length(highlights) <= 10000),
    accomplishments text constraint daily_reviews_accomplishments_length check (char_length(accomplishments) <= 10000),
    challenges text constraint daily_reviews_challenges_length check (char_length(challenges) <= 10000),
    lessons text constraint daily_reviews_lessons_length check (char_length(lessons) <= 10000),
    gratitude text constraint daily_reviews_gratitude_length check (char_length(gratitude) <= 10000),
    tomorrow text constraint daily_reviews_tomorrow_length check (char_length(tomorrow) <= 10000),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || to_tsvector('simple', coalesce(highlights, '')) || to_tsvector('simple', coalesce(accomplishments, ''))
        || to_tsvector('simple', coalesce(challenges, '')) || to_tsvector('simple', coalesce(lessons, ''))
        || to_tsvector('simple', coalesce(gratitude, '')) || to_tsvector('simple', coalesce(tomorrow, ''))) stored,
    primary key (user_id, id),
    constraint daily_reviews_date_unique unique (user_id, date)
);

-- search.page_hits, as on habits.
create index daily_reviews_search on daily_reviews using gin (search);

create trigger daily_reviews_touch before update on daily_reviews for each row execute function touch('search');

create table blog_entries (
    user_id uuid not null constraint blog_entries_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    title text not null
        constraint blog_entries_title_length check (char_length(title) between 1 and 255)
        constraint blog_entries_title_not_blank check (title ~ '[^[:space:]]'),
    content text not null constraint blog_entries_content_length check (char_length(content) between 1 and 200000),
    excerpt text constraint blog_entries_excerpt_length check (char_length(excerpt) <= 2000),
    slug text not null constraint blog_entries_slug_form check (slug ~ '^[^[:space:]/?#%]+$' and char_length(slug) <= 300),
    status text not null default 'draft'
        constraint blog_entries_status_known check (status in ('draft', 'published', 'archived')),
    is_featured boolean not null default false,
    published_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    search tsvector not null generated always as (
        array_to_tsvector(array[user_id::text])
        || setweight(to_tsvector('simple', title), 'A')
        || setweight(to_tsvector('simple', coalesce(excerpt, '')), 'B')
        -- Cut, because an index entry holds 1 MiB: hyphened words of rare letters take 7.5 bytes a character.
        || setweight(to_tsvector('simple', left(content, 130000)), 'C')) stored,
    primary key (user_id, id),
    constraint blog_entries_slug_unique unique (user_id, slug),
    constraint blog_entries_published_at_status check ((status = 'published') = (published_at is not null))
);

-- search.page_hits and the list with q, as on habits.
create index blog_entries_search on blog_entries using gin (search);

create trigger blog_entries_touch before update on blog_entries for each row execute function touch('search');

comment on table daily_reviews is 'How a day was: one per user and day, the day being the user''s own.';
comment on column daily_reviews.version is 'Counts real changes; the API''s ETag.';
comment on column daily_reviews.search is 'Words of all texts, and the owner''s id as a word.';
comment on table blog_entries is 'The journal''s longer texts: drafts, published, archived.';
comment on column blog_entries.slug is 'The address made from the title, unique for the user; it stays when the title changes.';
comment on column blog_entries.published_at is 'Set exactly when status is published.';
comment on column blog_entries.search is 'Words of title, excerpt and the first 130,000 characters of content, and the owner''s id as a word.';
comment on column blog_entries.version is 'Counts real changes; the API''s ETag.';

-- migrate:down
drop table blog_entries;
drop table daily_reviews;
