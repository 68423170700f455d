-- How many rows each table has, as the last vacuum counted them.
select c.relname as name, greatest(c.reltuples, 0)::bigint as rows
from pg_class c
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace;
