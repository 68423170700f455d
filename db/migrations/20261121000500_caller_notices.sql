-- migrate:up

-- Workers keep callers in memory for some seconds. Triggers tell them, so that every way in which a token ends counts:
-- logout, password change, account deletion by cascade. A notice leaves with the commit; a rollback sends none.
create function notify_token_ended() returns trigger language plpgsql as $$
begin
    perform pg_notify('tokens_ended', encode(old.token_hash, 'hex'));
    return null;
end $$;

comment on function notify_token_ended is 'Tells every worker to forget the caller of a token, named by its hash.';

create function notify_caller_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('tokens_ended', '');
    return null;
end $$;

comment on function notify_caller_changed is 'Tells every worker to forget all callers: rare, and a cache is small.';

-- Expired rows stay silent: they were dead before.
create trigger sessions_ended after delete on sessions
for each row when (old.expires_at > now())
execute function notify_token_ended();

create trigger api_tokens_ended after delete on api_tokens
for each row when (old.expires_at is null or old.expires_at > now())
execute function notify_token_ended();

create trigger sessions_shortened after update of expires_at on sessions
for each row when (new.expires_at < old.expires_at)
execute function notify_token_ended();

create trigger api_tokens_narrowed after update of scopes, expires_at on api_tokens
for each row when ((old.scopes, old.expires_at) is distinct from (new.scopes, new.expires_at))
execute function notify_token_ended();

create trigger users_changed after update of role, is_active, is_guest, timezone on users
for each row when (
    (old.role, old.is_active, old.is_guest, old.timezone)
    is distinct from (new.role, new.is_active, new.is_guest, new.timezone))
execute function notify_caller_changed();

-- migrate:down
drop trigger users_changed on users;
drop trigger api_tokens_narrowed on api_tokens;
drop trigger sessions_shortened on sessions;
drop trigger api_tokens_ended on api_tokens;
drop trigger sessions_ended on sessions;
drop function notify_caller_changed();
drop function notify_token_ended();
