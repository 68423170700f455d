-- migrate:up

-- Without an admin only the command line could make one again. Whatever way the change comes, and however many at once: those
-- that would take an admin away come one after the other, and each counts with a snapshot of its own.
create function keep_an_admin() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('users_last_admin'));
    if not exists (select from users where role = 'admin' and is_active and id <> old.id) then
        raise check_violation using
            message = 'the last active admin stays one', table = 'users', constraint = 'users_last_admin';
    end if;
    return new;
end $$;

comment on function keep_an_admin is 'Refuses to demote or disable the last active admin.';

create trigger users_last_admin before update of role, is_active on users
for each row when (old.role = 'admin' and old.is_active and not (new.role = 'admin' and new.is_active))
execute function keep_an_admin();

-- migrate:down
drop trigger users_last_admin on users;
drop function keep_an_admin();
