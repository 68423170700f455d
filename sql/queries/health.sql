-- name: newest_migration()$
-- tenant: none, it reads dbmate's own table
select max(version) as version from schema_migrations;
