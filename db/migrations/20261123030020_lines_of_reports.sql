-- migrate:up

-- Numbered by a sequence of its own: Citus cannot make a table with an identity column plain again. There is no second DDL on
-- a table that it knows in one statement: the number of the last line is kept by what is in the block.
do $$
declare
    following bigint := (select coalesce(max(line), 0) + 1 from import_reports);
begin
    alter table import_reports alter column line drop identity;
    execute format('create sequence import_reports_line_seq start %s', following);
    alter table import_reports alter column line set default nextval('import_reports_line_seq');
    alter sequence import_reports_line_seq owned by import_reports.line;
end $$;

-- migrate:down
do $$
declare
    following bigint := (select coalesce(max(line), 0) + 1 from import_reports);
begin
    alter table import_reports alter column line drop default;
    drop sequence import_reports_line_seq;
    alter table import_reports alter column line add generated always as identity;
    perform setval('import_reports_line_seq', following, false);
end $$;
