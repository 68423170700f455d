-- name: beyond()
-- tenant: none, it reads the catalog
-- What our role may do beyond reading and writing rows, and which statement ends that. Without one no single statement does.
-- Who owns tables has to go on making some: migrations do.
with ours as (select oid, rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
    from pg_roles where rolname = current_user),
schemas as (select oid, nspname, nspowner from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'),
relations as (select c.oid, c.relname, c.relkind, c.relowner, c.relacl, s.nspname
    from pg_class c join schemas s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
granted as (
    select r.nspname, lower(a.privilege_type) as privilege, count(*) as relations
    from relations r
    cross join ours
    cross join lateral aclexplode(r.relacl) a
    where a.grantee in (0, ours.oid) and r.relowner <> ours.oid
      and a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE')
    group by r.nspname, a.privilege_type),
found as (
    select 1 as place, 'has the attribute ' || a.name as text, format('alter role %I no%s', ours.rolname, a.name) as remedy
    from ours
    cross join lateral (values ('superuser', ours.rolsuper), ('createrole', ours.rolcreaterole), ('createdb', ours.rolcreatedb),
        ('replication', ours.rolreplication), ('bypassrls', ours.rolbypassrls)) a (name, is_set)
    where a.is_set
    union all
    select 2, 'is a member of ' || r.rolname, format('revoke %I from %I', r.rolname, ours.rolname)
    from ours join pg_auth_members m on m.member = ours.oid join pg_roles r on r.oid = m.roleid
    union all
    select 3, 'owns the database', null
    from ours join pg_database d on d.datdba = ours.oid
    where d.datname = current_database()
    union all
    select 4, 'owns the schema ' || s.nspname, null from ours join schemas s on s.nspowner = ours.oid
    union all
    select 5, format('owns %s tables, views and sequences of the schema %s', count(*), r.nspname), null
    from ours join relations r on r.relowner = ours.oid
    group by r.nspname
    union all
    select 6, format('owns %s functions of the schema %s', count(*), s.nspname), null
    from ours join pg_proc p on p.proowner = ours.oid join schemas s on s.oid = p.pronamespace
    group by s.nspname
    union all
    select 7, format('may make %s in the database', a.things),
        format('revoke %s on database %I from public, %I', a.privilege, d.datname, ours.rolname)
    from ours
    join pg_database d on d.datname = current_database() and d.datdba <> ours.oid
    cross join (values ('create', 'schemas'), ('temporary', 'temporary tables')) a (privilege, things)
    where not ours.rolsuper and has_database_privilege(d.oid, a.privilege)
    union all
    select 8, 'may make tables and functions in the schema ' || s.nspname,
        case when not exists (select from relations r where r.relowner = ours.oid)
            and not exists (select from pg_database d where d.datdba = ours.oid and d.datname = current_database())
            then format('revoke create on schema %I from public, %I', s.nspname, ours.rolname) end
    from ours join schemas s on s.nspowner <> ours.oid
    where not ours.rolsuper and has_schema_privilege(s.oid, 'create')
    union all
    select 9, format('has the right %s on %s tables of the schema %s', g.privilege, g.relations, g.nspname),
        format('revoke %s on all tables in schema %I from public, %I', g.privilege, g.nspname, ours.rolname)
    from ours cross join granted g)
select text, remedy from found order by place, text;

-- name: missing()
-- tenant: none, it reads the catalog
-- What our role may not do of what serving takes, and which statement gives it. Rows of schema_migrations are only read.
-- Of functions everybody has the right to run them, unless it was taken away.
with ours as (select oid, rolname from pg_roles where rolname = current_user),
home as (select oid, nspname from pg_namespace where nspname = coalesce(current_schema(), 'public')),
relations as (
    select c.relname, c.relkind, array_agg(p.privilege order by p.place) as privileges
    from home
    join pg_class c on c.relnamespace = home.oid and c.relkind in ('r', 'p', 'v')
    cross join (values (1, 'select'), (2, 'insert'), (3, 'update'), (4, 'delete')) p (place, privilege)
    where (p.privilege = 'select' or c.relkind <> 'v' and c.relname <> 'schema_migrations')
      and not has_table_privilege(c.oid, p.privilege)
    group by c.oid),
-- Those who migrate: what they will make has to be ours to use.
makers as (
    select distinct c.relowner as oid, pg_get_userbyid(c.relowner) as rolname
    from home join pg_class c on c.relnamespace = home.oid and c.relname = 'schema_migrations'
    where not pg_has_role(c.relowner, 'usage')),
to_come as (
    select d.defaclrole, d.defaclnamespace, d.defaclobjtype, lower(a.privilege_type) as privilege, a.grantee
    from makers
    cross join home
    join pg_default_acl d on d.defaclrole = makers.oid and d.defaclnamespace in (0, home.oid)
    cross join lateral aclexplode(d.defaclacl) a),
found as (
    select 1 as place, 'may not use the schema ' || home.nspname as text,
        format('grant usage on schema %I to %I', home.nspname, ours.rolname) as remedy
    from home cross join ours
    where not has_schema_privilege(home.oid, 'usage')
    union all
    select 2, format('has not the right %s on %s', array_to_string(r.privileges, ', '), r.relname),
        format('grant %s on %I.%I to %I', array_to_string(r.privileges, ', '), home.nspname, r.relname, ours.rolname)
    from relations r cross join home cross join ours
    union all
    select 3, format('may not run %s functions', count(*)),
        format('grant execute on all functions in schema %I to %I', home.nspname, ours.rolname)
    from home cross join ours
    join pg_proc p on p.pronamespace = home.oid and not has_function_privilege(p.oid, 'execute')
    group by home.nspname, ours.rolname
    union all
    select 4, 'will have no rights on the tables that later migrations make',
        format('alter default privileges for role %I in schema %I grant select, insert, update, delete on tables to %I',
            makers.rolname, home.nspname, ours.rolname)
    from makers cross join home cross join ours
    where (select count(distinct t.privilege) from to_come t where t.defaclobjtype = 'r' and t.grantee in (0, ours.oid)
        and t.privilege in ('select', 'insert', 'update', 'delete')) < 4
    union all
    select 5, 'will not have the right to run the functions that later migrations make',
        format('alter default privileges for role %I in schema %I grant execute on functions to %I',
            makers.rolname, home.nspname, ours.rolname)
    from makers cross join home cross join ours
    where exists (select from pg_default_acl d
        where d.defaclrole = makers.oid and d.defaclnamespace = 0 and d.defaclobjtype = 'f')
      and not exists (select from to_come t where t.defaclobjtype = 'f' and t.grantee in (0, ours.oid)))
select text, remedy from found order by place, text;
