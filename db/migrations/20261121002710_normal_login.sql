-- migrate:up

-- The unique indexes, the look-ups and the limits of attempts all ask this function. Two of them that disagree about one letter
-- are a way around a limit: Python's lower() and PostgreSQL's differ for a capital I with a dot.
create function normal_login(login text) returns text
language sql immutable strict parallel safe
return normalize(lower(normalize(login, nfc)), nfc);

comment on function normal_login is
    'The one form in which e-mail addresses and user names are compared: Unicode NFC, in lower case.';

-- Addresses that were two before may be one now. Which of the accounts keeps it is for people to say: nothing is changed here.
do $$
declare
    equal_accounts text;
begin
    select string_agg(ids, '; ')
    into equal_accounts
    from (
        select string_agg(id::text, ' and ' order by id) as ids
        from users
        where email is not null
        group by normal_login(email)
        having count(*) > 1) same_address;
    if equal_accounts is not null then
        raise exception 'accounts whose e-mail addresses are one address in two spellings: %. Nothing was changed. Give each '
            'an address of its own (update users set email = ... where id = ...), then migrate again', equal_accounts;
    end if;
end $$;

-- Also the way in: login finds an account by either of them.
-- The table is small and rarely written: no one waits for long.
-- squawk-ignore require-concurrent-index-deletion
drop index users_email_unique;
-- squawk-ignore require-concurrent-index-deletion
drop index users_username_unique;
-- squawk-ignore require-concurrent-index-creation
create unique index users_email_unique on users (normal_login(email));
-- squawk-ignore require-concurrent-index-creation
create unique index users_username_unique on users (normal_login(username));

comment on column users.email is
    'Unique in its normal form, see normal_login(); kept as it was typed. Null only for guests and for those who came by an '
    'identity.';

alter table rate_limits add column last_hit_at timestamptz;

comment on column rate_limits.bucket is
    'What is limited and for whom: a name, and a hash of an address, of the normal form of a login, or of both.';
comment on column rate_limits.last_hit_at is 'When the last attempt was let through; only where pauses grow.';

-- migrate:down
comment on column rate_limits.bucket is 'What is limited and for whom: an address, or a hash of the account''s name.';
-- Takes back what this migration added; counts of attempts live for hours.
-- squawk-ignore ban-drop-column
alter table rate_limits drop column last_hit_at;
comment on column users.email is
    'Unique without regard to case; kept as it was typed. Null only for guests and for those who came by an identity.';
-- squawk-ignore require-concurrent-index-deletion
drop index users_username_unique;
-- squawk-ignore require-concurrent-index-deletion
drop index users_email_unique;
-- squawk-ignore require-concurrent-index-creation
create unique index users_email_unique on users (lower(email));
-- squawk-ignore require-concurrent-index-creation
create unique index users_username_unique on users (lower(username));
drop function normal_login(text);
