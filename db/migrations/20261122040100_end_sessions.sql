-- migrate:up

-- A function, because the delete needs a snapshot of its own: its caller has waited for the row of the user, and with it for a
-- login in flight, whose session ends, too.
create function end_sessions(owner uuid) returns integer language plpgsql as $$
declare
    ended integer;
begin
    delete from sessions where user_id = owner;
    get diagnostics ended = row_count;
    return ended;
end $$;

comment on function end_sessions is 'Ends every session of a user; returns how many those were. API tokens go on.';

-- migrate:down
drop function end_sessions(uuid);
