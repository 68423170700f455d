-- name: confirm_address(token_hash, language, tells)$
-- tenant: none, the hash of a 256-bit token names whose address it confirms
-- The token is spent, by whoever has it. Null: there is none that is still good, or the account has another address by now, or
-- is disabled. A violation of users_email_unique: another account has got the address meanwhile; then nothing has changed.
with deleted_token as (
    delete from mail_tokens
    where token_hash = :token_hash and purpose in ('verification', 'email_change') and expires_at > now()
    returning user_id, purpose, email),
locked_user as (
    select id, email, now() as at
    from users
    where id = (select user_id from deleted_token) and is_active and not is_guest
    for no key update),
confirmed_address as (
    select l.id, l.email as old_email, t.email, l.at
    from locked_user l
    cross join deleted_token t
    where t.purpose = 'email_change' or l.email = t.email),
updated_user as (
    update users u
    set email = c.email,
        email_verified_at = case when u.email = c.email then coalesce(u.email_verified_at, c.at) else c.at end,
        updated_at = c.at
    from confirmed_address c
    where u.id = c.id
    returning u.id),
inserted_mail as (
    insert into outgoing_mails (user_id, kind, address, language)
    select id, 'email_changed', old_email, :language
    from confirmed_address
    where old_email <> email and :tells::boolean)
select id from updated_user;

-- name: reset_of(token_hash)^
-- tenant: none, the hash of a 256-bit token names whose password it resets
-- What a new password is checked against, before the token is spent. No row: as reset().
select u.email, u.username
from mail_tokens t
join users u on u.id = t.user_id
where t.token_hash = :token_hash and t.purpose = 'password_reset' and t.expires_at > now()
  and u.is_active and not u.is_guest and u.email = t.email;

-- name: reset(token_hash, password_hash)^
-- tenant: none, the hash of a 256-bit token names whose password it resets
-- Whoever reads the mails of an address is its owner: the password is theirs, the address verified, and whoever was signed in
-- is not any more. is_first: nobody had confirmed the address. No row: the token is not (any longer) good, or the account has
-- another address, or is disabled.
with deleted_token as (
    delete from mail_tokens
    where token_hash = :token_hash and purpose = 'password_reset' and expires_at > now()
    returning user_id, email),
locked_user as (
    select id, email, not is_verified as is_first, now() as at
    from users
    where id = (select user_id from deleted_token) and is_active and not is_guest
    for no key update),
updated_user as (
    update users u
    set password_hash = :password_hash, email_verified_at = coalesce(u.email_verified_at, l.at), updated_at = l.at
    from locked_user l
    join deleted_token t on t.email = l.email
    where u.id = l.id
    returning u.id, l.is_first)
select end_access(id, null, '{}') as user_id, is_first from updated_user;

-- name: delete_identities(user_id)!
-- Those that were linked before the owner of the address came. A statement of its own, after end_access(): it sees what was
-- linked by a session until that had ended.
delete from identities where user_id = :user_id;

-- name: delete_expired_tokens(limit)!
-- tenant: none, it removes expired tokens of every user
-- plan: exempt, there are as many rows as users who were mailed a link in the last days
delete from mail_tokens
where token_hash in (
    select token_hash from mail_tokens where expires_at <= now() order by expires_at limit :limit);
