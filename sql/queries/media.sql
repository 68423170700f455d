-- name: remember_upload(storage_key, seconds)!
-- Before the first byte: whatever becomes of the upload, maintenance finds its object from then on.
insert into media_deletions (storage_key, due_at) values (:storage_key, now() + make_interval(secs => :seconds));

-- name: used_bytes(user_id)$
-- With thumbnails: they are stored, too.
select ((select coalesce(sum(size_bytes), 0) from media where user_id = :user_id)
    + (select coalesce(sum(size_bytes), 0) from media_thumbnails where user_id = :user_id))::bigint as used_bytes;

-- name: create(user_id, storage_key, form, facts, quota_bytes)^
-- form is the JSON of what the client said, facts that of what was found out: columns, but for the name of the file. After
-- accounts.lock(), by which one upload of a user at a time is counted, and get() for an id that was chosen, in the same
-- transaction. No row: the quota would be exceeded, or the upload took so long that its object was due for deletion.
with forgotten_deletion as (
    delete from media_deletions where storage_key = :storage_key returning storage_key)
insert into media (user_id, id, storage_key, file_name, content_type, size_bytes, sha256, width, height, alt_text,
    is_public, taggable_type, taggable_id)
select :user_id, coalesce(p.id, new_id()), f.storage_key, :form::jsonb ->> 'file', p.content_type, p.size_bytes, p.sha256,
    p.width, p.height, p.alt_text, coalesce(p.is_public, false), p.taggable_type, p.taggable_id
from forgotten_deletion f
cross join jsonb_populate_record(null::media, :form::jsonb || :facts::jsonb) p
where p.size_bytes + (select coalesce(sum(size_bytes), 0) from media where user_id = :user_id)
    + (select coalesce(sum(size_bytes), 0) from media_thumbnails where user_id = :user_id) <= :quota_bytes
returning id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
    taggable_type, taggable_id, created_at, updated_at, version;

-- name: create_distributed(user_id, storage_key, form, facts, quota_bytes)^
-- As create(), in another order: the row goes to a worker, and the entry for deletion is the coordinator's. Where that is gone
-- the row is made all the same, for the transaction to be rolled back: an insert that asks for the entry asks all workers, too.
with due_deletion as materialized (
    select storage_key from media_deletions where storage_key = :storage_key for update),
inserted_file as (
    insert into media (user_id, id, storage_key, file_name, content_type, size_bytes, sha256, width, height, alt_text,
        is_public, taggable_type, taggable_id)
    select :user_id, coalesce(p.id, new_id()), :storage_key, :form::jsonb ->> 'file', p.content_type, p.size_bytes, p.sha256,
        p.width, p.height, p.alt_text, coalesce(p.is_public, false), p.taggable_type, p.taggable_id
    from jsonb_populate_record(null::media, :form::jsonb || :facts::jsonb) p
    where p.size_bytes + (select coalesce(sum(size_bytes), 0) from media where user_id = :user_id)
        + (select coalesce(sum(size_bytes), 0) from media_thumbnails where user_id = :user_id) <= :quota_bytes
    returning id, storage_key, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
        taggable_type, taggable_id, created_at, updated_at, version),
forgotten_deletion as (
    delete from media_deletions where storage_key in (select storage_key from inserted_file))
select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
    taggable_type, taggable_id, created_at, updated_at, version
from inserted_file
where exists (select 1 from due_deletion);

-- name: get(user_id, id)^
select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
    taggable_type, taggable_id, created_at, updated_at, version
from media
where user_id = :user_id and id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
    taggable_type, taggable_id, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join media using (user_id, id);

-- name: stored(user_id, id)^
-- What it takes to serve the bytes.
select file_name, content_type, size_bytes, sha256, storage_key, width, height
from media
where user_id = :user_id and id = :id;

-- name: page_newest(user_id, after, limit, bytes)
-- Newest first, each row as JSON; the first page passes the highest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(file)::text as json
    from (
        select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
            taggable_type, taggable_id, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from media
        where user_id = :user_id
          and id < :after
        order by id desc
        limit :limit) file
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: page_oldest(user_id, after, limit, bytes)
-- Oldest first; the first page passes the lowest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(file)::text as json
    from (
        select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
            taggable_type, taggable_id, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from media
        where user_id = :user_id
          and id > :after
        order by id
        limit :limit) file
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: page_attached(user_id, taggable_type, taggable_id, newest, after, limit, bytes)
-- plan: exempt, what is attached to one row is few: found by an index of it, then sorted
-- The files of one row, in either order.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    select row_to_json(file)::text as json
    from (
        select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public,
            taggable_type, taggable_id, rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from media
        where user_id = :user_id
          and taggable_id = :taggable_id
          and taggable_type = :taggable_type
          and case when :newest::boolean then id < :after else id > :after end
        order by case when :newest then id end desc, id
        limit :limit) file
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: lock(user_id, id)$
-- create_link() of the file waits, or is waited for: the next statement of the transaction sees the link.
select id from media where user_id = :user_id and id = :id for no key update;

-- name: patch(user_id, id, versions, changes)^
-- A merge patch as in tasks.patch. Links without an end are gone with its being public: they must not come back with it. So a
-- change to private comes after lock() in a transaction: a link that is being made could not be seen here.
with changed_file as (
    update media m
    set (file_name, alt_text, is_public, taggable_type, taggable_id) = (
        select p.file_name, p.alt_text, p.is_public, p.taggable_type, p.taggable_id
        from jsonb_populate_record(m, :changes::jsonb) p)
    where m.user_id = :user_id
      and m.id = :id
      and (:versions::int8multirange is null or m.version <@ :versions)
    returning m.id, m.file_name, m.content_type, m.size_bytes, m.sha256, m.width, m.height, m.alt_text, m.is_public,
        m.taggable_type, m.taggable_id, m.created_at, m.updated_at, m.version),
ended_link as (
    delete from media_links l
    using changed_file c
    where l.user_id = :user_id and l.media_id = c.id and l.expires_at is null and not c.is_public)
select id, file_name, content_type, size_bytes, sha256, width, height, alt_text, is_public, taggable_type, taggable_id,
    created_at, updated_at, version
from changed_file;

-- name: delete(user_id, id, versions)
-- Returns the keys of its object and of its thumbnails, which triggers have put down for deletion. Null versions: any.
with deleted_file as (
    delete from media
    where user_id = :user_id
      and id = :id
      and (:versions::int8multirange is null or version <@ :versions)
    returning storage_key)
select storage_key from deleted_file
union all
select storage_key
from media_thumbnails
where user_id = :user_id
  and media_id = :id
  and storage_key is not null
  and exists (select 1 from deleted_file);

-- name: due_deletions(limit)
-- The objects that have to go, the longest due first, locked: an upload that ends now waits, and then finds its entry gone.
select storage_key from media_deletions where due_at <= now() order by due_at limit :limit for update skip locked;

-- name: gather_deletions()!
-- tenant: none, as due_deletions(), which finds these after it
-- plan: exempt, it takes them all
-- In a cluster the objects that lost their row on a worker.
with deleted_object as (
    delete from deleted_objects returning storage_key)
insert into media_deletions (storage_key)
select storage_key from deleted_object
on conflict (storage_key) do nothing;

-- name: set_due(storage_key, seconds)!
-- Waits for a transaction that is about to take the entry out.
update media_deletions set due_at = now() + make_interval(secs => :seconds) where storage_key = :storage_key;

-- name: is_kept(user_id, storage_key)$
-- Whether a row has this object.
select exists (select 1 from media where user_id = :user_id and storage_key = :storage_key)
    or exists (select 1 from media_thumbnails where user_id = :user_id and storage_key = :storage_key) as is_kept;

-- name: forget_deletion(storage_key)!
-- The object is gone.
delete from media_deletions where storage_key = :storage_key;

-- name: forget_deletion_distributed(storage_key)!
-- tenant: none, a key names one object
-- plan: exempt, the table has what was deleted since maintain ran
-- As forget_deletion(), wherever the entry is.
with deleted_object as (
    delete from deleted_objects where storage_key = :storage_key)
delete from media_deletions where storage_key = :storage_key;

-- name: create_link(token_hash, user_id, id, expires_in)^
-- No row: there is no such file, or it is not public and the link would have no end. The lock has a change to private come
-- before it or after it, see lock().
with shared_file as (
    select user_id, id
    from media
    where user_id = :user_id and id = :id and (is_public or :expires_in::integer is not null)
    for share)
insert into media_links (token_hash, user_id, media_id, expires_at)
select :token_hash, user_id, id, now() + make_interval(secs => :expires_in::integer)
from shared_file
returning expires_at;

-- name: linked(token_hash)^
-- tenant: none, the hash of a 256-bit token names one file and proves that its owner gave the address away
-- Null seconds: for as long as the file is public.
select m.file_name, m.content_type, m.size_bytes, m.sha256, m.storage_key, m.width, m.height, m.user_id, m.id,
    ceil(extract(epoch from l.expires_at - now()))::integer as seconds_left
from (select user_id, media_id, expires_at from media_links where token_hash = :token_hash limit 1) l
join media m on m.user_id = l.user_id and m.id = l.media_id
join users u on u.id = l.user_id
where u.is_active
  and case when l.expires_at is null then m.is_public else l.expires_at > now() end;

-- name: linked_distributed(token_hash)^
-- tenant: none, the hash of a 256-bit token names one file and proves that its owner gave the address away
-- plan: exempt, the workers plan it
-- As linked(): a link is looked for on all of them.
select m.file_name, m.content_type, m.size_bytes, m.sha256, m.storage_key, m.width, m.height, m.user_id, m.id,
    ceil(extract(epoch from l.expires_at - now()))::integer as seconds_left
from media_links l
join media m on m.user_id = l.user_id and m.id = l.media_id
join users u on u.id = l.user_id
where l.token_hash = :token_hash
  and u.is_active
  and case when l.expires_at is null then m.is_public else l.expires_at > now() end;

-- name: delete_links(user_id, id)!
delete from media_links where user_id = :user_id and media_id = :id;

-- name: delete_expired_links(limit)!
-- tenant: none, it removes expired links of every user
delete from media_links
where token_hash = any(array(
    select token_hash from media_links where expires_at <= now() order by expires_at limit :limit));

-- name: thumbnail(user_id, id, width)^
-- What failed is tried again an hour later: a busy machine may have been the reason.
select outcome, content_type, size_bytes, sha256, storage_key
from media_thumbnails
where user_id = :user_id
  and media_id = :id
  and width = :width
  and (outcome <> 'failed' or created_at > now() - interval '1 hour');

-- name: keep_thumbnail(user_id, id, width, storage_key, facts)$
-- As create(): the row of an object that is in the store, whose entry in media_deletions it takes out. No row: the entry is
-- gone, or there is such a thumbnail; then the entry stays.
with kept_thumbnail as (
    insert into media_thumbnails as t (user_id, media_id, width, outcome, content_type, size_bytes, sha256, storage_key)
    select :user_id, :id, :width, 'kept', p.content_type, p.size_bytes, p.sha256, d.storage_key
    from media_deletions d
    cross join jsonb_populate_record(null::media_thumbnails, :facts::jsonb) p
    where d.storage_key = :storage_key
    for update of d
    on conflict (user_id, media_id, width) do update
    set outcome = excluded.outcome, content_type = excluded.content_type, size_bytes = excluded.size_bytes,
        sha256 = excluded.sha256, storage_key = excluded.storage_key
    where t.outcome <> 'kept'
    returning storage_key)
delete from media_deletions where storage_key in (select storage_key from kept_thumbnail) returning storage_key;

-- name: note_no_thumbnail(user_id, id, width, outcome)!
insert into media_thumbnails as t (user_id, media_id, width, outcome)
values (:user_id, :id, :width, :outcome)
on conflict (user_id, media_id, width) do update
set outcome = excluded.outcome, created_at = excluded.created_at
where t.outcome <> 'kept';
