-- migrate:up

-- The server may connect as a role that owns no table, and could not gather statistics of one. Not even a temporary table
-- comes before what this function reads.
alter function analyze_new_tables() security definer set search_path = public, pg_temp;

-- migrate:down
alter function analyze_new_tables() security invoker reset search_path;
