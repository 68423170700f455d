-- migrate:up

-- Inlined: the planner sees a number.
create function walked_rows() returns integer language sql immutable parallel safe
return 10000;

comment on function walked_rows() is 'How many rows a page of a list may look at, for those that its filters want.';

-- migrate:down
drop function walked_rows();
