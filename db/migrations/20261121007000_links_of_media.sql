-- migrate:up

alter table media add column is_public boolean not null default false;

comment on column media.is_public is 'Its links may be without end; those end when it becomes false.';

create table media_links (
    token_hash bytea primary key constraint media_links_token_hash_length check (octet_length(token_hash) = 32),
    user_id uuid not null constraint media_links_user_exists references users on delete cascade,
    media_id uuid not null,
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    constraint media_links_media_exists foreign key (user_id, media_id) references media on delete cascade
);

-- media.delete_links, and the cascade.
create index media_links_media on media_links (user_id, media_id);

-- media.delete_expired_links
create index media_links_expires_at on media_links (expires_at) where expires_at is not null;

comment on table media_links is 'Addresses at which a file is read without a token of a user: who has one may read it.';
comment on column media_links.token_hash is 'SHA-256 of the 256 random bits in the address, which only its maker was told.';
comment on column media_links.expires_at is 'Null: for as long as the file is public.';

-- migrate:down
drop table media_links;

-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table media drop column is_public;
