-- migrate:up

-- A guest cannot sign in again: one who was an admin counted as the last one, and none was left who could sign in. The trigger
-- that keeps the last admin would stop the upgrade where a guest is the only one.
alter table users disable trigger users_last_admin;
update users set role = 'user' where is_guest and role <> 'user';
alter table users enable trigger users_last_admin;

-- Few rows, and nothing else that is slow in this transaction.
-- squawk-ignore constraint-missing-not-valid
alter table users add constraint users_guest_role check (role = 'user' or not is_guest);

-- migrate:down
-- Takes back what this migration added.
-- squawk-ignore ban-drop-constraint
alter table users drop constraint users_guest_role;
