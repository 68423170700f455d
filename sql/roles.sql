-- The password of the server's role is taken from HOLDFAST_APP_PASSWORD; without it the role keeps the one that it has.
-- Run again, all of this makes the rights what they shall be, and changes nothing else. What later migrations make has them
-- by itself.
\set ON_ERROR_STOP on
\connect :"database"
\getenv password HOLDFAST_APP_PASSWORD
begin;
set local client_min_messages = warning;
select format('create role %I login', :'app') where not exists (select from pg_roles where rolname = :'app') \gexec
\if :{?password}
alter role :"app" password :'password';
\endif

-- Nobody is let in but the owner and the server, neither into the database nor into what is in it.
revoke all on database :"database" from public, :"app";
revoke all on schema public from public, :"app";
revoke all on all tables in schema public from public, :"app";
revoke all on all sequences in schema public from public, :"app";
revoke all on all functions in schema public from public, :"app";

-- The owner makes tables. Where the database is older than PostgreSQL 15, another role owns the schema.
grant usage, create on schema public to :"owner";

-- The server reads and writes rows. Functions run with its rights, not with their owner's, but for one that gathers statistics.
grant connect on database :"database" to :"app";
grant usage on schema public to :"app";
grant select, insert, update, delete on all tables in schema public to :"app";
grant usage on all sequences in schema public to :"app";
grant execute on all functions in schema public to :"app";

-- And so in what the owner will make.
alter default privileges for role :"owner" revoke execute on functions from public;
alter default privileges for role :"owner" in schema public grant select, insert, update, delete on tables to :"app";
alter default privileges for role :"owner" in schema public grant usage on sequences to :"app";
alter default privileges for role :"owner" in schema public grant execute on functions to :"app";
commit;
