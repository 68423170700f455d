-- migrate:up

-- An admin who deletes the own account takes an admin away, too. A trigger before a delete has no new row: null would skip
-- the delete in silence.
create or replace function keep_an_admin() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('users_last_admin'));
    if not exists (select from users where role = 'admin' and is_active and id <> old.id) then
        raise check_violation using
            message = 'the last active admin stays one', table = 'users', constraint = 'users_last_admin';
    end if;
    return coalesce(new, old);
end $$;

comment on function keep_an_admin is 'Refuses to demote, disable or delete the last active admin.';

create trigger users_last_admin_stays before delete on users
for each row when (old.role = 'admin' and old.is_active) execute function keep_an_admin();

-- migrate:down
drop trigger users_last_admin_stays on users;

create or replace function keep_an_admin() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('users_last_admin'));
    if not exists (select from users where role = 'admin' and is_active and id <> old.id) then
        raise check_violation using
            message = 'the last active admin stays one', table = 'users', constraint = 'users_last_admin';
    end if;
    return new;
end $$;

comment on function keep_an_admin is 'Refuses to demote or disable the last active admin.';
