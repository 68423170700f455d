-- name: sqlite()
-- The tables of an SQLite file with their columns, without those of SQLite itself.
select t.name, c.name
from sqlite_master t
join pragma_table_info(t.name) c
where t.type = 'table' and t.name not like 'sqlite^_%' escape '^'
order by t.name, c.cid;

-- name: sqlite_begin()
-- One state of the file for the whole import, whatever is written meanwhile.
begin;

-- name: postgres()
-- The tables of a PostgreSQL schema with their columns.
select table_name, column_name
from information_schema.columns
where table_schema = current_schema()
order by table_name, ordinal_position;
