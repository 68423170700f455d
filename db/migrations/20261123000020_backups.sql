-- migrate:up

create table backups (
    name text primary key,
    made_at timestamptz not null,
    size_bytes bigint not null,
    is_encrypted boolean not null,
    is_verified boolean not null,
    verified_at timestamptz not null default now()
);

comment on table backups is
    'The backups that were made of this database, for doctor and metrics; where they lie says what there is.';
comment on column backups.size_bytes is 'Of all its files, those that it shares with other backups included.';
comment on column backups.verified_at is 'When it was last tried, or made where it was not.';

-- migrate:down

-- Takes back what this migration added.
-- squawk-ignore ban-drop-table
drop table backups;
