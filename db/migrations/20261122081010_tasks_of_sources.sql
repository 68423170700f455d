-- migrate:up

create function imported_tasks(owner uuid, key text) returns table (id uuid)
language sql stable parallel safe as $$
    select target_id
    from import_items
    where user_id = owner and entity = 'tasks'
      -- A number stands before the time of its row. The next character after @ is A.
      and (source_key = key or source_key > key || '@' and source_key < key || 'A')
$$;

comment on function imported_tasks is
    'The tasks of a user that had this id in the app that they came from: several, where two databases of it had it.';

-- migrate:down
drop function imported_tasks(uuid, text);
