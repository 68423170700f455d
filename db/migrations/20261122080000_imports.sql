-- migrate:up

create table imports (
    id uuid not null default new_id(),
    source text not null,
    form text not null,
    location text not null,
    options json not null,
    status text not null default 'running',
    counts json,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint imports_pkey primary key (id),
    constraint imports_source_known check (
        source in ('habits', 'council', 'tasks', 'manifest', 'assistant', 'loop', 'holdfast')),
    constraint imports_status_known check (status in ('running', 'done', 'failed', 'rolled_back')),
    constraint imports_finished check ((status = 'running') = (finished_at is null))
);

comment on table imports is 'Runs of holdfast import.';
comment on column imports.location is 'Where the source was: a path, or a URL without its password.';
comment on column imports.counts is 'By table: how many rows were read, and what became of them.';

create table import_items (
    user_id uuid not null default '00000000-0000-0000-0000-000000000000',
    entity text collate "C" not null,
    source_key text collate "C" not null,
    source text collate "C" not null,
    import_id uuid not null,
    target_id uuid,
    target_part text,
    is_made boolean not null default true,
    checksum bigint not null,
    mark bigint not null,
    constraint import_items_pkey primary key (user_id, entity, source_key, source)
);

comment on table import_items is
    'What each row of a source became: that is how it is found again by the next import, by verify and by rollback.';
comment on column import_items.source_key is
    'The row''s own key in its source. An integer that another database of the same app may have as well is followed by @ and '
    'the microseconds of the row''s creation.';
comment on column import_items.import_id is 'The run that made the row.';
comment on column import_items.user_id is 'Whose the row is; of nothing but zeros: nobody''s, as with the query cache.';
comment on column import_items.target_part is 'What the row''s key has beside user_id and one uuid: a date, a number, a hash.';
comment on column import_items.is_made is 'False: the row was here before, such as the account of an e-mail address.';
comment on column import_items.checksum is 'Of the row as it was read: another one, and it has changed in the source.';
comment on column import_items.mark is
    'Of the row as it was written: its version, or a hash. Another one, and it has changed here.';

-- Foreign keys, checked for each of a million rows, would cost as much as writing them.
create function forget_import_items() returns trigger language plpgsql as $$
begin
    delete from import_items where user_id = old.id;
    return null;
end $$;

create trigger users_import_items after delete on users for each row execute function forget_import_items();

-- To find the account of a user of a source. What an account has is found by the primary key, also for GET
-- /v1/tasks?source_id=17; what an import has is read from one end to the other, which is soon done beside rolling it back.
create unique index import_items_users on import_items (source, source_key) where entity = 'users';

create table import_changes (
    import_id uuid not null,
    user_id uuid not null,
    entity text collate "C" not null,
    source_key text collate "C" not null,
    source text collate "C" not null,
    before json not null,
    checksum bigint not null,
    mark bigint not null,
    constraint import_changes_pkey primary key (user_id, entity, source_key, source, import_id),
    constraint import_changes_item_exists foreign key (user_id, entity, source_key, source)
        references import_items (user_id, entity, source_key, source) on delete cascade
);

comment on table import_changes is
    'Rows that a later import changed, as they were before: rollback puts them back.';
comment on column import_changes.checksum is 'The one that the item had before.';
comment on column import_changes.mark is 'The one that the item has had since.';

create table import_reports (
    import_id uuid not null,
    line bigint generated always as identity,
    kind text not null,
    entity text not null,
    place text not null,
    user_id uuid,
    rule text not null,
    content json,
    constraint import_reports_pkey primary key (import_id, line),
    constraint import_reports_import_exists foreign key (import_id) references imports (id),
    constraint import_reports_user_exists foreign key (user_id) references users (id) on delete cascade,
    constraint import_reports_kind_known check (kind in ('rejected', 'changed', 'merged', 'kept', 'left_out'))
);

comment on table import_reports is 'What a run did not take over as it was, line by line.';
comment on column import_reports.kind is
    'rejected: not imported; changed: imported, but not as it was; merged: its rows went to another account; kept: changed in '
    'the source and here, and left as it is here; left_out: there is no place for it.';
comment on column import_reports.rule is 'The name of the constraint or the rule.';
comment on column import_reports.content is 'The row, or the value.';

-- For the cascade from users.
create index import_reports_user on import_reports (user_id) where user_id is not null;

-- migrate:down
drop trigger users_import_items on users;
drop function forget_import_items();
drop table import_reports;
drop table import_changes;
drop table import_items;
drop table imports;
