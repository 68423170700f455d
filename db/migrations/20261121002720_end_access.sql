-- migrate:up

-- A function, because the deletes need a snapshot of their own. In one statement with the update of the password they would
-- share the one from before the update waited for the row, and miss the session of a login that it waited for. The caller
-- holds the row of the user by its update; logging in and making a token take it, too.
create function end_access(owner uuid, kept_session bytea, kept_tokens uuid[]) returns uuid language plpgsql as $$
begin
    delete from sessions where user_id = owner and token_hash is distinct from kept_session;
    delete from api_tokens where user_id = owner and id <> all (kept_tokens);
    return owner;
end $$;

comment on function end_access is
    'Ends the sessions and API tokens of a user whose password changes, but those named; null: no session is kept.';

-- migrate:down
drop function end_access(uuid, bytea, uuid[]);
