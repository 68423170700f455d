-- migrate:up

-- Made before the first release, in which no table is large.
-- squawk-ignore-file constraint-missing-not-valid, adding-field-with-default, adding-required-field
alter table users add column email_verified_at timestamptz;
comment on column users.email_verified_at is 'When the address was found to be theirs. Null: it was not, or they have another by now.';

-- When is not known of those who were verified before: not later than their row last changed. It is no change of theirs.
drop trigger users_touch on users;
update users set email_verified_at = updated_at where is_verified;

-- What it said is in email_verified_at.
-- squawk-ignore ban-drop-column
alter table users drop column is_verified;
alter table users add column is_verified boolean not null generated always as (email_verified_at is not null) stored;

-- A generated column has no value yet when the trigger looks.
create trigger users_touch before update on users
    for each row execute function touch('last_login_at', 'password_hash', 'is_verified');

-- It is made anew, for longer texts.
-- squawk-ignore ban-drop-constraint
alter table users drop constraint users_bio_length;
alter table users add constraint users_bio_length check (char_length(bio) <= 10000);

-- migrate:down
-- It is made anew, as it was; a longer text stops it rather than being cut off.
-- squawk-ignore ban-drop-constraint
alter table users drop constraint users_bio_length;
drop trigger users_touch on users;
alter table users add constraint users_bio_length check (char_length(bio) <= 2000);

-- It is made anew, as it was.
-- squawk-ignore ban-drop-column
alter table users drop column is_verified;
alter table users add column is_verified boolean not null default false;
update users set is_verified = true where email_verified_at is not null;
create trigger users_touch before update on users
    for each row execute function touch('last_login_at', 'password_hash');
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table users drop column email_verified_at;
