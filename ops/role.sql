-- For psql, as the superuser: the role that Holdfast connects as, which owns its database and nothing else. The password is
-- taken from HOLDFAST_PASSWORD; run again, this changes the password and nothing more.
\set ON_ERROR_STOP on
\getenv password HOLDFAST_PASSWORD
select 'create role holdfast login' where not exists (select from pg_roles where rolname = 'holdfast') \gexec
alter role holdfast password :'password';
select 'create database holdfast owner holdfast encoding ''UTF8'' template template0'
where not exists (select from pg_database where datname = 'holdfast') \gexec
