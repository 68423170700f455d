-- migrate:up

create table consent_events (
    user_id uuid not null constraint consent_events_user_exists references users on delete cascade,
    id uuid not null default new_id(),
    terms_accepted boolean not null,
    terms_version text constraint consent_events_terms_version_length check (char_length(terms_version) between 1 and 100),
    marketing_consent boolean not null,
    source text constraint consent_events_source_length check (char_length(source) between 1 and 100),
    created_at timestamptz not null default now(),
    primary key (user_id, id),
    constraint consent_events_terms_version_needed check (terms_version is not null or not terms_accepted)
);

comment on table consent_events is 'What a user agreed to, and when they took it back. Append-only; the current consent is the newest.';
comment on column consent_events.terms_version is 'Which terms it is about; never null when they were accepted.';
comment on column consent_events.source is 'Where it was said: web, ios, import, ...';

-- migrate:down
drop table consent_events;
