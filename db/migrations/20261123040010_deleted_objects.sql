-- migrate:up

-- In a cluster a file's row is deleted on a worker, often by a cascade, and media_deletions is the coordinator's: what lost its
-- row is put down beside it, and gathered by maintain. No foreign key: it is there for what is left when the user is gone.
create table deleted_objects (
    user_id uuid not null,
    storage_key text not null constraint deleted_objects_storage_key_length check (char_length(storage_key) between 1 and 500),
    primary key (user_id, storage_key)
);

comment on table deleted_objects is
    'In a cluster: objects that lost their row, until maintain brings them to media_deletions. Elsewhere empty.';

call distribute_table('deleted_objects');

create or replace function remember_deleted_media() returns trigger
language plpgsql as $$
begin
    if tg_table_name in ('media', 'media_thumbnails') then
        insert into media_deletions (storage_key) values (old.storage_key) on conflict (storage_key) do nothing;
    else
        -- The shard of this user's rows, which lies on the same worker.
        execute format(
            'insert into deleted_objects_%s (user_id, storage_key) values ($1, $2) on conflict do nothing',
            (select beside.shardid
            from pg_dist_shard mine
            join pg_dist_shard beside
                on beside.logicalrelid = 'deleted_objects'::regclass and beside.shardminvalue = mine.shardminvalue
            where mine.shardid = substring(tg_table_name from '[0-9]+$')::bigint))
            using old.user_id, old.storage_key;
    end if;
    return null;
end $$;

-- migrate:down
create or replace function remember_deleted_media() returns trigger
language plpgsql as $$
begin
    insert into media_deletions (storage_key) values (old.storage_key) on conflict (storage_key) do nothing;
    return null;
end $$;

-- Takes back what this migration added.
-- squawk-ignore ban-drop-table
drop table deleted_objects;
