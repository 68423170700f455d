-- migrate:up

create table media_thumbnails (
    user_id uuid not null constraint media_thumbnails_user_exists references users on delete cascade,
    media_id uuid not null,
    width integer not null constraint media_thumbnails_width_known check (width in (160, 320, 640, 1280)),
    outcome text not null constraint media_thumbnails_outcome_known check (outcome in ('kept', 'larger', 'failed')),
    content_type text
        constraint media_thumbnails_content_type_length check (char_length(content_type) between 3 and 255),
    size_bytes bigint constraint media_thumbnails_size_bytes_range check (size_bytes > 0),
    sha256 text constraint media_thumbnails_sha_form check (sha256 ~ '^[0-9a-f]{64}$'),
    storage_key text
        constraint media_thumbnails_storage_key_length check (char_length(storage_key) between 1 and 500),
    created_at timestamptz not null default now(),
    primary key (user_id, media_id, width),
    constraint media_thumbnails_storage_key_unique unique (user_id, storage_key),
    constraint media_thumbnails_media_exists foreign key (user_id, media_id) references media on delete cascade,
    constraint media_thumbnails_object check (
        num_nulls(content_type, size_bytes, sha256, storage_key) = case when outcome = 'kept' then 0 else 4 end)
);

create trigger media_thumbnail_deleted after delete on media_thumbnails
for each row when (old.storage_key is not null) execute function remember_deleted_media();

comment on table media_thumbnails is 'Thumbnails of files, each made when it is first asked for; the bytes lie beside the file''s.';
comment on column media_thumbnails.outcome is
    'larger: the file is sent in its place, for it is no wider, or has fewer bytes. failed: none can be made.';

-- migrate:down
-- No trigger sees the rows go; without these no one would know of the objects.
insert into media_deletions (storage_key)
select storage_key from media_thumbnails where storage_key is not null
on conflict do nothing;
drop table media_thumbnails;
