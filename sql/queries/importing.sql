-- name: try_lock()$
-- tenant: none, operators import for everybody. One import at a time: held until the connection ends.
select pg_try_advisory_lock(hashtext('holdfast import'));

-- name: fail_abandoned()!
-- tenant: none, as try_lock. Whoever gets the lock knows that what still says running was killed.
with tried_lock as materialized (
    select pg_try_advisory_xact_lock(hashtext('holdfast import')) as is_ours)
update imports set status = 'failed', finished_at = now()
where status = 'running' and (select is_ours from tried_lock);

-- name: begin(source, form, location, options)$
-- tenant: none, as try_lock
insert into imports (source, form, location, options) values (:source, :form, :location, :options::json) returning id;

-- name: finish(id, status, counts)!
-- tenant: none, as try_lock
update imports set status = :status, counts = :counts::json, finished_at = now() where id = :id;

-- name: get(id)^
-- batch: none, it is asked once by a command
-- tenant: none, as try_lock
select id, source, form, location, options::text, status, counts::text, started_at, finished_at from imports where id = :id;

-- name: every()
-- tenant: none, as try_lock
select id, source, form, location, options::text, status, counts::text, started_at, finished_at
from imports
order by id desc
limit 1000;

-- name: user_named(email)$
-- tenant: none, as try_lock
select id from users where normal_login(email) = normal_login(:email);

-- name: stage_owners()^
-- tenant: none, as try_lock
select import_begin() is null as begun;

-- name: stage(entity)^
-- tenant: none, as try_lock
select import_stage(:entity::regclass) is null as staged;

-- name: check_out(source, user_id, purpose)^
-- tenant: none, as try_lock
select import_check_out_staged(:source, :user_id, :purpose) is null as checked_out;

-- name: check_out_run(id)^
-- tenant: none, as try_lock
select import_check_out_run(:id) is null as checked_out;

-- name: check_out_account(user_id)^
-- tenant: none, as try_lock
select import_check_out(array[:user_id::uuid], 'verification') is null as checked_out;

-- name: check_in()^
-- tenant: none, as try_lock
select import_check_in() is null as checked_in;

-- name: place_users(id, source, into_existing)$
-- tenant: none, as try_lock
select import_place_users(:id, :source, :into_existing);

-- name: place_owner(owner, user_id)^
-- tenant: none, as try_lock. The account of `--user`, for a source that has none.
select import_place_owner(:owner, :user_id) is null as placed;

-- name: keep_users(id, source)$
-- tenant: none, as try_lock
select import_keep_users(:id, :source);

-- name: keep_tags(id, source)$
-- tenant: none, as try_lock
select import_keep_tags(:id, :source);

-- name: keep_reports(id)^
-- tenant: none, as try_lock. Those of rows that the source itself refused, once it is known whose they are.
select import_keep_reports(:id) is null as kept;

-- name: settle_conversations(source)$
-- tenant: none, as try_lock
select import_settle_conversations(:source);

-- name: settle_ledger(source)^
-- tenant: none, as try_lock
select accounts, transactions, folded from import_settle_ledger(:source);

-- name: bounds(entity)^
-- tenant: none, as try_lock
select first, last from import_bounds(:entity::regclass);

-- name: has_items(id, source)$
-- plan: exempt, it is asked once by an import, which reads more
-- tenant: none, as try_lock. Whether an earlier import of this kind of source has left something.
select exists (select from import_items where source = :source and import_id <> :id);

-- name: move(id, source, entity, first, last, is_again)^
-- tenant: none, as try_lock
select imported, updated, unchanged, kept, rejected
from import_move(:id, :source, :entity::regclass, :first, :last, :is_again);

-- name: analyze_items()^
-- tenant: none, as try_lock
select import_analyze() is null as analyzed;

-- name: compare(id, source, entity, first, last)
-- tenant: none, as try_lock
select outcome, rows, source_sum, target_sum, sample::text as sample
from import_compare(:id, :source, :entity::regclass, :first, :last);

-- name: touched(id)
-- plan: exempt, it is asked once by an import, which reads more
-- tenant: none, as try_lock. The tables of which a run has made or changed rows.
select entity from import_items where import_id = :id
union
select entity from import_changes where import_id = :id;

-- name: undo(id, entity, is_forced)^
-- tenant: none, as try_lock
select removed, restored, kept from import_undo(:id, :entity::regclass, :is_forced);

-- name: keep_ways_in(id)$
-- tenant: none, as try_lock
select import_keep_ways_in(:id);

-- name: unfold(id, is_forced)^
-- tenant: none, as try_lock
select import_unfold(:id, :is_forced) is null as unfolded;

-- name: changed_by_later(id)
-- plan: exempt, it is asked once by an import, which reads more
-- tenant: none, as try_lock. The later imports that have changed rows which this one made: they are rolled back first.
select distinct c.import_id as id
from import_items i
join import_changes c using (user_id, entity, source_key, source)
where i.import_id = :id and c.import_id <> :id;

-- name: forget_merged(id)!
-- plan: exempt, it is asked once by an import, which reads more
-- tenant: none, as try_lock
delete from import_items where import_id = :id and not is_made;

-- name: lines(id, after, limit)
-- plan: exempt, it is asked once by an import, which reads more
-- tenant: none, as try_lock
select line, kind, entity, place, rule, content::text as content
from import_reports
where import_id = :id and line > :after
order by line
limit :limit;

-- name: count_reports(id)
-- plan: exempt, it is asked once by an import, which reads more
-- tenant: none, as try_lock
select kind, entity, rule, count(*) as lines, min(place) as example
from import_reports
where import_id = :id
group by kind, entity, rule
order by kind, count(*) desc, entity, rule;

-- name: cut_goals()^
-- tenant: none, as try_lock
select import_cut_goals() is null as cut;

-- name: part_slugs(source)^
-- tenant: none, as try_lock
select import_part_slugs(:source) is null as parted;

-- name: known_media(source, has_store)^
-- tenant: none, as try_lock
select import_known_media(:source, :has_store) is null as known;

-- name: fresh_media(source, after, limit)
-- tenant: none, as try_lock
select place, path, sha256 from import_fresh_media(:source, :after, :limit);

-- name: stored_media(source, after, limit)
-- tenant: none, as try_lock
select place, storage_key, sha256, size_bytes from import_stored_media(:source, :after, :limit);

-- name: set_objects(places, keys)^
-- tenant: none, as try_lock
select import_set_objects(:places, :keys) is null as done;

-- name: keep_objects(id)$
-- tenant: none, as try_lock
select import_keep_objects(:id);

-- name: give_up_objects(folder)!
-- tenant: none, as try_lock. On a connection of its own: a run that failed has written nothing else. Those with a row are out.
update media_deletions set due_at = now() where storage_key like :folder || '/%' and due_at > now();

-- name: columns(entity)
-- tenant: none, as try_lock
select c.name, c.type, c.parent is not null as is_reference, c.is_needed, k.name is not null as is_key
from import_columns(:entity::regclass) c
left join import_keys(:entity::regclass) k using (name)
order by c.place;

-- name: keep_rows(id, source, entities)$
-- tenant: none, as try_lock
select import_keep_rows(:id, :source, :entities);

-- name: settle_export(source, is_own)^
-- tenant: none, as try_lock
select identities, messages, transactions, folded from import_settle_export(:source, :is_own);

-- name: forget_gone(owner, source)$
-- tenant: none, as try_lock
select import_forget_gone(:owner, :source);
