SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: analyze_new_tables(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.analyze_new_tables() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    new_table regclass;
    analyzed integer := 0;
begin
    -- Not those without a row: the planner's guess for a table that it knows nothing about is better than statistics of an
    -- empty one.
    for new_table in
        select relid
        from pg_stat_user_tables
        where schemaname = current_schema() and last_analyze is null and last_autoanalyze is null and pg_relation_size(relid) > 0
        order by relid
    loop
        execute format('analyze (skip_locked) %s', new_table);
        analyzed := analyzed + 1;
    end loop;
    return analyzed;
end $$;

--
-- Name: FUNCTION analyze_new_tables(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.analyze_new_tables() IS 'Gives the planner statistics of tables that have rows and were never analyzed.';

--
-- Name: search_query(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.search_query(q text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (NULLIF(regexp_replace((websearch_to_tsquery('simple'::regconfig, q))::text, '(^|[&|] )(''[^ ]{3,}'')(?= [&|]|$)'::text, '\1\2:*'::text, 'g'::text), ''::text))::tsquery;

--
-- Name: FUNCTION search_query(q text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.search_query(q text) IS 'What a search means: as on the web, and plain words by their beginnings.';

--
-- Name: any_word(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.any_word(q text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT (string_agg(longest.word, ' | '::text))::tsquery AS string_agg FROM (SELECT found.found[1] AS word FROM regexp_matches((public.search_query(any_word.q))::text, '(''[^ ]+''(?::\*)?)'::text, 'g'::text) found(found) GROUP BY found.found[1] ORDER BY (char_length(found.found[1])) DESC, found.found[1] LIMIT 5) longest);

--
-- Name: FUNCTION any_word(q text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.any_word(q text) IS 'A search for any of search_words(q).';

--
-- Name: audited_user(uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.audited_user(acting_for uuid, target text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(acting_for, ("substring"(target, '^/v1/admin/users/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})'::text))::uuid);

--
-- Name: FUNCTION audited_user(acting_for uuid, target text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.audited_user(acting_for uuid, target text) IS 'Whom an audit event is about: for whom it was done, or whose account an admin asked for.';

--
-- Name: blog_entries_words(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.blog_entries_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.search := setweight(to_tsvector('simple', new.title), 'A')
        || setweight(to_tsvector('simple', coalesce(new.excerpt, '')), 'B')
        || setweight(to_tsvector('simple', left(new.content, 130000)), 'C');
    return new;
end $$;

--
-- Name: FUNCTION blog_entries_words(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.blog_entries_words() IS 'Computes search from the texts of an entry.';

--
-- Name: cluster_nodes(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cluster_nodes() RETURNS TABLE(name text, port integer, is_coordinator boolean, has_shards boolean, is_active boolean, is_reachable boolean)
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if to_regclass('pg_dist_node') is null then
        return;
    end if;
    -- It would ask the local server alone, without being told where that is.
    if not exists (select from pg_dist_node) then
        return;
    end if;
    return query
        select n.nodename, n.nodeport, n.groupid = 0, n.shouldhaveshards, n.isactive, n.groupid = 0 or coalesce(h.result, false)
        from pg_dist_node n
        left join pg_dist_node coordinator on coordinator.groupid = 0
        left join citus_check_cluster_node_health() h on h.to_nodename = n.nodename and h.to_nodeport = n.nodeport
            and h.from_nodename = coordinator.nodename and h.from_nodeport = coordinator.nodeport
        where n.noderole = 'primary'
        order by n.nodeid;
end $$;

--
-- Name: FUNCTION cluster_nodes(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cluster_nodes() IS 'The servers of the Citus cluster that this is the coordinator of, and whether it reaches them; none without Citus.';

--
-- Name: conversations_words(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.conversations_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.search := to_tsvector('simple', new.title);
    return new;
end $$;

--
-- Name: FUNCTION conversations_words(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.conversations_words() IS 'Computes search from the title of a conversation.';

--
-- Name: counted_rows(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.counted_rows() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 20000;

--
-- Name: FUNCTION counted_rows(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.counted_rows() IS 'How many rows the total of a list may look at, for those that its filters want.';

--
-- Name: database_bytes(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.database_bytes() RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
declare
    elsewhere bigint;
    are_reached boolean;
begin
    if not is_distributed() then
        return pg_database_size(current_database());
    end if;
    select sum(case when w.success then w.result::bigint end), bool_and(w.success)
    into elsewhere, are_reached
    from run_command_on_workers('select pg_database_size(current_database())') w;
    if not are_reached then
        raise 'a worker is away' using errcode = 'connection_failure';
    end if;
    return pg_database_size(current_database()) + elsewhere;
end $$;

--
-- Name: FUNCTION database_bytes(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.database_bytes() IS 'The bytes of the whole database; in a cluster on all servers, and 08006 while one is away.';

--
-- Name: default_target_days(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.default_target_days(frequency text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (frequency = ANY (ARRAY['weekly'::text, 'monthly'::text])) THEN 1 WHEN (frequency = 'custom'::text) THEN 7 ELSE NULL::integer END;

--
-- Name: FUNCTION default_target_days(frequency text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.default_target_days(frequency text) IS 'How many days a habit gets that says nothing; null where its frequency has none.';

--
-- Name: distribute_table(regclass); Type: PROCEDURE; Schema: public; Owner: -
--

CREATE PROCEDURE public.distribute_table(IN entity regclass)
    LANGUAGE plpgsql
    AS $_$
begin
    if not is_distributed() then
        return;
    end if;
    perform set_config('citus.enable_unsafe_triggers', 'on', true),
        set_config('citus.multi_shard_modify_mode', 'sequential', true);
    if (select p.placement = 'by user' from table_placements() p where p.entity = $1) then
        perform create_distributed_table(entity, 'user_id', colocate_with => 'tasks');
    end if;
end $_$;

--
-- Name: PROCEDURE distribute_table(IN entity regclass); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON PROCEDURE public.distribute_table(IN entity regclass) IS 'What a migration calls for a table that it has made, before its foreign keys: in a cluster it is spread over the workers.';

--
-- Name: distribute_tables(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.distribute_tables() RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    missing regprocedure;
    moved regclass;
    forgotten regclass;
    reference record;
    dropped text[] := '{}';
    comments constant text[] := table_comments();
    lost text;
begin
    if is_distributed() then
        -- What a migration has forgotten.
        for forgotten in select p.entity from placed_tables() p where p.placement = 'by user' and not p.is_placed loop
            call distribute_table(forgotten);
        end loop;
        return;
    end if;
    perform set_config('citus.enable_unsafe_triggers', 'on', true),
        set_config('citus.multi_shard_modify_mode', 'sequential', true);
    -- Statements of later sessions need them, too: a cascade from users to the shards, and triggers of shards that are moved.
    execute format('alter database %I set citus.enable_unsafe_triggers = on', current_database());
    execute format('alter database %I set citus.multi_shard_modify_mode = sequential', current_database());
    -- Those that were made before Citus was there.
    for missing in
        select p.oid
        from pg_proc p
        where p.pronamespace = current_schema()::regnamespace
          and not exists (
              select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
          and not exists (
              select from pg_dist_object o where o.classid = 'pg_proc'::regclass and o.objid = p.oid)
        order by p.oid
    loop
        perform create_distributed_function(missing);
    end loop;
    -- Between a table that is distributed and one that is not yet, Citus takes none.
    for reference in
        select conrelid::regclass as entity, conname as name, pg_get_constraintdef(oid) as definition
        from pg_constraint
        where contype = 'f'
          and conrelid in (select p.entity from table_placements() p where p.placement = 'by user')
           or confrelid = 'users'::regclass
        order by conrelid::regclass::text, conname
    loop
        execute format('alter table %s drop constraint %I', reference.entity, reference.name);
        dropped := dropped
            || format('alter table %s add constraint %I %s', reference.entity, reference.name, reference.definition);
    end loop;
    perform create_reference_table('users');
    perform create_distributed_table('tasks', 'user_id', colocate_with => 'none');
    for moved in
        select p.entity from table_placements() p where p.placement = 'by user' and p.entity <> 'tasks'::regclass
    loop
        perform create_distributed_table(moved, 'user_id', colocate_with => 'tasks');
    end loop;
    foreach lost in array dropped || comments loop
        execute lost;
    end loop;
end $$;

--
-- Name: FUNCTION distribute_tables(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.distribute_tables() IS 'Spreads the tables over the workers of a Citus cluster, rows and all.';

--
-- Name: end_access(uuid, bytea, uuid[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.end_access(owner uuid, kept_session bytea, kept_tokens uuid[]) RETURNS uuid
    LANGUAGE plpgsql
    AS $$
begin
    delete from sessions where user_id = owner and token_hash is distinct from kept_session;
    delete from api_tokens where user_id = owner and id <> all (kept_tokens);
    delete from outgoing_mails where user_id = owner and kind = 'email_change';
    delete from mail_tokens where user_id = owner and purpose <> 'verification';
    return owner;
end $$;

--
-- Name: FUNCTION end_access(owner uuid, kept_session bytea, kept_tokens uuid[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.end_access(owner uuid, kept_session bytea, kept_tokens uuid[]) IS 'Ends the sessions and API tokens of a user whose password changes, but those named, and links that were mailed.';

--
-- Name: end_sessions(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.end_sessions(owner uuid) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
    ended integer;
begin
    delete from sessions where user_id = owner;
    get diagnostics ended = row_count;
    return ended;
end $$;

--
-- Name: FUNCTION end_sessions(owner uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.end_sessions(owner uuid) IS 'Ends every session of a user; returns how many those were. API tokens go on.';

--
-- Name: export_begin(integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.export_begin(seconds integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- Until the end of the transaction. A large export may take longer than a request's statement may.
    perform set_config('statement_timeout', (seconds * 1000)::text, true);
    perform set_config('timezone', 'UTC', true);
    perform set_config('datestyle', 'ISO, YMD', true);
    -- To sort all rows of a table by their keys: reading a large one off its index is a walk all over the disk.
    perform set_config('work_mem', '32MB', true);
    perform set_config('jit', 'off', true);
    -- A plan for any user would be one for many.
    perform set_config('plan_cache_mode', 'auto', true);
end $$;

--
-- Name: FUNCTION export_begin(seconds integer); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.export_begin(seconds integer) IS 'Sets up a transaction for exporting: what JSON looks like, and how many seconds a table may take; 0: any.';

--
-- Name: export_columns(regclass, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.export_columns(entity regclass, is_own boolean) RETURNS TABLE(place smallint, name text, type text)
    LANGUAGE sql STABLE
    AS $$
    select a.attnum, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)
    from pg_attribute a
    where a.attrelid = entity and a.attname = 'user_id' and not a.attisdropped
    union all
    select c.place, c.name, c.type
    from import_columns(entity) c
    -- Where the bytes of a file lie is nobody else's; what the server decides about an account is not its user's to carry away.
    where not (entity = 'media'::regclass and c.name = 'storage_key')
      and not (is_own and entity = 'users'::regclass and c.name in ('password_hash', 'role'))
    order by 1
$$;

--
-- Name: FUNCTION export_columns(entity regclass, is_own boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.export_columns(entity regclass, is_own boolean) IS 'The columns of a table that an export has. is_own: one that a user takes of their own account.';

--
-- Name: export_files_statement(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.export_files_statement(owner uuid) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select export_rows('media', owner, 'user_id, id, storage_key, size_bytes, sha256')
$$;

--
-- Name: FUNCTION export_files_statement(owner uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.export_files_statement(owner uuid) IS 'The text of the statement that says where the files of an export lie.';

--
-- Name: export_rows(regclass, uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.export_rows(entity regclass, owner uuid, columns text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select format('select (select row_to_json(r) from (select %s) r) from %s%s order by %s', columns, entity,
        case when owner is null then ''
            else format(' where %s = %L', case when entity = 'users'::regclass then 'id' else 'user_id' end, owner) end,
        (select string_agg(quote_ident(a.attname), ', ' order by array_position(p.conkey, a.attnum))
            from pg_constraint p
            join pg_attribute a on a.attrelid = p.conrelid and a.attnum = any(p.conkey)
            where p.conrelid = entity and p.contype = 'p'))
$$;

--
-- Name: FUNCTION export_rows(entity regclass, owner uuid, columns text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.export_rows(entity regclass, owner uuid, columns text) IS 'The text of a statement: rows of a user, or of everybody, as JSON, in the order of the primary key.';

--
-- Name: export_statement(regclass, uuid, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.export_statement(entity regclass, owner uuid, is_own boolean) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
    select export_rows(entity, owner,
        (select string_agg(
            -- A document is kept as it was written, but on one line: the blanks around it would not come back.
            case when c.type = 'json'
                then format('btrim(translate(%1$s::text, E''\n\r'', ''  ''), E'' \t'')::json as %1$s', c.name) else c.name end,
            ', ' order by c.place)
            from export_columns(entity, is_own) c))
$_$;

--
-- Name: FUNCTION export_statement(entity regclass, owner uuid, is_own boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.export_statement(entity regclass, owner uuid, is_own boolean) IS 'The text of the statement that gives a table''s rows as JSON, each on one line.';

--
-- Name: forget_import_items(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.forget_import_items() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if to_regclass('import_items') is not null then
        delete from import_items where user_id = old.id;
    end if;
    return null;
end $$;

--
-- Name: goal_percentage(text, numeric, numeric, numeric); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.goal_percentage(status text, start_value numeric, target_value numeric, current_value numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (status = 'completed'::text) THEN (100)::numeric WHEN (target_value IS NOT NULL) THEN trim_scale(GREATEST((0)::numeric, LEAST((100)::numeric, round((((100)::numeric * (COALESCE(current_value, start_value, (0)::numeric) - COALESCE(start_value, (0)::numeric))) / (target_value - COALESCE(start_value, (0)::numeric))), 2)))) ELSE (0)::numeric END;

--
-- Name: habit_stats(text, integer, integer[], integer, integer, integer, integer[], integer[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.habit_stats(frequency text, target_days integer, weekdays integer[], interval_days integer, today integer, began integer, done integer[], left_out integer[]) RETURNS TABLE(current_streak integer, longest_streak integer, completion_rate json, total_completed integer, by_week json, by_month json, best_weekday integer)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
-- All weeks and months from the first entry on: those without a completed day are left out at the end.
with counted_weeks as materialized (
    select week,
        width_bucket(week * 7 + 6, done) - width_bucket(week * 7 - 1, done) as completed
    from generate_series(least(done[1], left_out[1]) / 7, today / 7) week),
counted_months as materialized (
    select month::date as month, m.first_day, m.last_day,
        width_bucket(m.last_day, done) - width_bucket(m.first_day - 1, done) as completed
    from generate_series(
        date_trunc('month', ('1900-01-01'::date + least(done[1], left_out[1]))::timestamp),
        ('1900-01-01'::date + today)::timestamp, interval '1 month') month
    cross join lateral (
        select month::date - '1900-01-01'::date as first_day,
            (month + interval '1 month')::date - 1 - '1900-01-01'::date as last_day) m),
counted_periods as (
    select today / 7 as present, w.week as number, w.completed,
        width_bucket(w.week * 7 + 6, left_out) - width_bucket(w.week * 7 - 1, left_out) as skipped, target_days, 7 as days
    from counted_weeks w
    where frequency in ('weekly', 'custom')
    union all
    select extract(year from '1900-01-01'::date + today)::integer * 12
            + extract(month from '1900-01-01'::date + today)::integer,
        extract(year from m.month)::integer * 12 + extract(month from m.month)::integer, m.completed,
        width_bucket(m.last_day, left_out) - width_bucket(m.first_day - 1, left_out),
        least(target_days, m.last_day - m.first_day + 1), m.last_day - m.first_day + 1
    from counted_months m
    where frequency = 'monthly'),
judged_periods as materialized (
    select today as present, coalesce(interval_days, 1) as reach, done as met, left_out as excused
    where frequency in ('daily', 'interval')
    union all
    -- Of the habit's own days of the week the first one from today on is the present one: those up to yesterday, and one more.
    select (today - 1) / 7 * cardinality(weekdays) + width_bucket((today - 1) % 7 + 1, weekdays) + 1, 1,
        array(
            select day / 7 * cardinality(weekdays) + width_bucket(day % 7 + 1, weekdays)
            from unnest(done) day where day % 7 + 1 = any(weekdays)),
        array(
            select day / 7 * cardinality(weekdays) + width_bucket(day % 7 + 1, weekdays)
            from unnest(left_out) day where day % 7 + 1 = any(weekdays))
    where frequency = 'weekdays'
    union all
    select p.present, 1,
        coalesce(array_agg(p.number order by p.number) filter (where p.completed >= p.target_days), '{}'),
        coalesce(
            array_agg(p.number order by p.number) filter (
                where p.completed < p.target_days and p.completed + p.skipped = p.days), '{}')
    from counted_periods p
    group by p.present),
ended_runs as materialized (
    select p.present, p.reach, p.excused, cardinality(p.met) as met, p.met[cardinality(p.met)] as last_met,
        array(
            select place
            from unnest(p.met, p.met[2:]) with ordinality as met (number, following, place)
            where following - number > p.reach
              and following - number - (width_bucket(following, p.excused) - width_bucket(number, p.excused)) > p.reach)
            as places
    from judged_periods p),
rated_windows as (
    select rated.days, case when rated.due > 0 then least(1, rated.completed / rated.due) end as rate
    from (
        select w.days,
            case frequency
                when 'weekdays' then cardinality(p.met) - width_bucket(o.since, p.met)
                else cardinality(done) - width_bucket(w.since, done)
            end as completed,
            case frequency
                when 'daily' then w.due_days
                when 'interval' then w.due_days / interval_days::float8
                when 'weekdays' then o.until - o.since
                    - (width_bucket(o.until, p.excused) - width_bucket(o.since, p.excused))
                when 'monthly' then (
                    select sum(
                        (m.until - m.since - (width_bucket(m.until, left_out) - width_bucket(m.since, left_out)))
                        * least(target_days, m.days) / m.days::float8)
                    from generate_series(
                        date_trunc('month', ('1900-01-01'::date + w.since + 1)::timestamp),
                        ('1900-01-01'::date + today)::timestamp, interval '1 month') month
                    cross join lateral (
                        select greatest(w.since, month::date - 1 - '1900-01-01'::date) as since,
                            least(today, (month + interval '1 month')::date - 1 - '1900-01-01'::date) as until,
                            (month + interval '1 month')::date - month::date as days) m)
                else w.due_days * target_days / 7::float8
            end as due
        from (values (7), (30), (90), (365)) n (days)
        cross join lateral (select greatest(today - n.days, began - 1) as since) s
        cross join lateral (
            select n.days, s.since,
                today - s.since - (cardinality(left_out) - width_bucket(s.since, left_out)) as due_days) w
        left join judged_periods p on frequency = 'weekdays'
        cross join lateral (
            select w.since / 7 * cardinality(weekdays) + width_bucket(w.since % 7 + 1, weekdays) as since,
                today / 7 * cardinality(weekdays) + width_bucket(today % 7 + 1, weekdays) as until) o) rated)
select coalesce((
        select e.met - coalesce(e.places[cardinality(e.places)], 0)
        from ended_runs e
        where e.present - 1 - e.last_met
            - (width_bucket(e.present - 1, e.excused) - width_bucket(e.last_met, e.excused)) < e.reach), 0)
        as current_streak,
    coalesce((
        select max(run.until - run.since)
        from (select unnest(0 || e.places) as since, unnest(e.places || e.met) as until from ended_runs e) run), 0)
        as longest_streak,
    (select json_object_agg(days, rate) from rated_windows) as completion_rate,
    cardinality(done) as total_completed,
    (select coalesce(json_agg(row_to_json(x)), '[]')
        from (
            select '1900-01-01'::date + week * 7 as week, completed from counted_weeks where completed > 0) x)
        as by_week,
    (select coalesce(json_agg(row_to_json(x)), '[]')
        from (select month, completed from counted_months where completed > 0) x) as by_month,
    (select mode() within group (order by day % 7) + 1 from unnest(done) day) as best_weekday
$$;

--
-- Name: FUNCTION habit_stats(frequency text, target_days integer, weekdays integer[], interval_days integer, today integer, began integer, done integer[], left_out integer[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.habit_stats(frequency text, target_days integer, weekdays integer[], interval_days integer, today integer, began integer, done integer[], left_out integer[]) IS 'Streaks, rates and totals of a habit, out of the numbers of its days.';

--
-- Name: import_accounts_of_staged(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_accounts_of_staged(from_source text) RETURNS uuid[]
    LANGUAGE plpgsql
    AS $_$
declare
    staged regclass;
    found uuid[];
    accounts uuid[] := '{}';
begin
    for staged in
        select oid from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r' and relname like 'staged\_%'
    loop
        execute format(
            'select array_agg(i.target_id) from (select distinct %s as owner from %s) s '
            'join import_items i on i.source = $1 and i.entity = ''users'' and i.source_key = s.owner',
            case when staged::text = 'staged_users' then 'source_key' else 'owner' end, staged)
        into found using from_source;
        accounts := accounts || found;
    end loop;
    if to_regclass('staged_users') is not null then
        select array_agg(u.id) into found from staged_users s join users u on u.id = s.id;
        accounts := accounts || found;
        select array_agg(u.id) into found from staged_users s join users u on normal_login(u.email) = normal_login(s.email);
        accounts := accounts || found;
        -- Whoever has a name keeps it.
        select array_agg(u.id) into found
        from staged_users s join users u on normal_login(u.username) = normal_login(s.username);
        accounts := accounts || found;
    end if;
    if to_regclass('staged_identities') is not null then
        select array_agg(d.user_id) into found
        from staged_identities s join identities d on d.provider = s.provider and d.subject = s.subject;
        accounts := accounts || found;
    end if;
    return accounts;
end $_$;

--
-- Name: FUNCTION import_accounts_of_staged(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_accounts_of_staged(from_source text) IS 'The accounts here that staged rows may be of, or may stand in the way of.';

--
-- Name: import_analyze(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_analyze() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    analyze import_items;
end $$;

--
-- Name: FUNCTION import_analyze(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_analyze() IS 'Tells the planner, in the middle of an import, how many rows there are to refer to.';

--
-- Name: import_begin(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_begin() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    create temporary table if not exists import_owners (
        owner text primary key, user_id uuid, is_own boolean not null, outcome text not null) on commit delete rows;
    create temporary table if not exists staged_reports (
        kind text not null, entity text not null, place text not null, owner text, rule text not null, content json)
        on commit delete rows;
    truncate import_owners, staged_reports;
end $$;

--
-- Name: FUNCTION import_begin(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_begin() IS 'Makes, or empties, the temporary tables of which account each user of the source has here, and of what is to be reported.';

--
-- Name: import_bounds(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_bounds(entity regclass, OUT first bigint, OUT last bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
begin
    -- The planner knows nothing of a temporary table that nobody analyzed.
    execute format('analyze staged_%s', entity::text);
    execute format('select min(place), max(place) from staged_%s', entity::text) into first, last;
end $$;

--
-- Name: FUNCTION import_bounds(entity regclass, OUT first bigint, OUT last bigint); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_bounds(entity regclass, OUT first bigint, OUT last bigint) IS 'The first and the last of the rows that are staged for a table; null: there are none.';

--
-- Name: import_carried(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_carried(entity regclass, OUT columns text, OUT keys text, OUT matched text, OUT rest text, OUT unlinked text, OUT is_linked text, OUT hash text) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $_$
begin
    with carried_column as (
        select a.attnum as place, quote_ident(a.attname) as name, format_type(a.atttypid, a.atttypmod) as type,
            a.attnum = any (k.conkey) as is_key,
            not a.attnum = any (k.conkey) and exists (
                select from pg_constraint f
                where f.conrelid = entity and f.confrelid = entity and f.contype = 'f' and a.attnum = any (f.conkey))
                as is_own_reference
        from pg_attribute a
        join pg_constraint k on k.conrelid = entity and k.contype = 'p'
        where a.attrelid = entity and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
    select
        string_agg(name, ', ' order by place),
        string_agg(name, ', ' order by place) filter (where is_key),
        string_agg(format('t.%1$s = s.%1$s', name), ' and ' order by place) filter (where is_key),
        string_agg(format('%1$s = s.%1$s', name), ', ' order by place) filter (where not is_key),
        string_agg(case when is_own_reference then format('null::%s', type) else name end, ', ' order by place),
        coalesce(string_agg(format('t.%s is not null', name), ' or ' order by place) filter (where is_own_reference), 'false'),
        -- Workers compute it, too: what depends on the settings of a session, such as the text of a time, is not in it.
        format('hash_record_extended(row(%s), 0)', string_agg(
            format(case when type in ('json', 'tsvector') then 't.%s::text' else 't.%s' end, name), ', ' order by place))
    into columns, keys, matched, rest, unlinked, is_linked, hash
    from carried_column;
end $_$;

--
-- Name: FUNCTION import_carried(entity regclass, OUT columns text, OUT keys text, OUT matched text, OUT rest text, OUT unlinked text, OUT is_linked text, OUT hash text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_carried(entity regclass, OUT columns text, OUT keys text, OUT matched text, OUT rest text, OUT unlinked text, OUT is_linked text, OUT hash text) IS 'Parts of statements that bring rows out of a cluster and back; unlinked: without what refers to rows of the same table.';

--
-- Name: import_check_in(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_check_in() RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    schema constant text := current_schema();
    named text;
    parts record;
    fresh text;
    changed text;
    gone text;
    is_wanted boolean;
    wanted bigint;
    done bigint;
begin
    if to_regclass('pg_temp.checked_out_tables') is null then
        return;
    end if;
    -- For touch(), also on the workers: what is carried has its version.
    set local citus.propagate_set_commands = 'local';
    set local holdfast.is_carried = 'on';
    for named in select name from checked_out_tables order by level, name loop
        select * into parts from import_carried(named::regclass);
        -- A worker may get the rows in several pieces: what they refer to among themselves comes when all of them are there.
        fresh := format(
            'select %1$s from %2$I t left join checked_out_%2$s c using (%3$s) where c.old_hash is null',
            parts.unlinked, named, parts.keys);
        execute format('select exists (%s)', fresh) into is_wanted;
        if is_wanted then
            execute format('insert into %1$I.%2$I (%3$s) %4$s', schema, named, parts.columns, fresh);
        end if;
        changed := format(
            'select %1$s, c.old_hash from %2$I t left join checked_out_%2$s c using (%3$s) '
            'where %4$s <> c.old_hash or c.old_hash is null and (%5$s)',
            parts.columns, named, parts.keys, parts.hash, parts.is_linked);
        execute format('select count(*) from (%s) s', changed) into wanted;
        if wanted > 0 then
            execute format(
                'update %1$I.%2$I t set %3$s from (%4$s) s where %5$s and (s.old_hash is null or s.old_hash = %6$s)',
                schema, named, parts.rest, changed, parts.matched, parts.hash);
            get diagnostics done = row_count;
            if done <> wanted then
                raise serialization_failure using message = format('rows of %s were changed meanwhile', named);
            end if;
        end if;
    end loop;
    for named in select name from checked_out_tables order by level desc, name loop
        select * into parts from import_carried(named::regclass);
        gone := format(
            'select %1$s, c.old_hash from checked_out_%2$s c where not exists (select from %2$I s where %3$s)',
            parts.keys, named, replace(parts.matched, 't.', 'c.'));
        execute format('select count(*) from (%s) s', gone) into wanted;
        if wanted > 0 then
            execute format(
                'delete from %1$I.%2$I t using (%3$s) s where %4$s and s.old_hash = %5$s',
                schema, named, gone, parts.matched, parts.hash);
            get diagnostics done = row_count;
            if done <> wanted then
                raise serialization_failure using message = format('rows of %s were changed meanwhile', named);
            end if;
        end if;
    end loop;
    execute format(
        'insert into %1$I.import_reports (%2$s) select %2$s from import_reports order by line',
        schema, (select columns from import_carried(format('%I.import_reports', schema)::regclass)));
    set local holdfast.is_carried = 'off';

    for named in select name from checked_out_tables order by level desc loop
        execute format('drop table pg_temp.%1$I, pg_temp.checked_out_%1$s', named);
    end loop;
    drop table
        pg_temp.import_reports, pg_temp.imports, pg_temp.checked_out_accounts, pg_temp.checked_out_tables;
    discard plans;
end $_$;

--
-- Name: FUNCTION import_check_in(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_check_in() IS 'In a cluster: writes what came of import_check_out()''s rows to where they belong. Raises if others changed them.';

--
-- Name: import_check_out(uuid[], text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_check_out(accounts uuid[], purpose text) RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    schema constant text := current_schema();
    tables text[];
    keys text[];
    rests text[];
    named text;
    parts record;
    locked record;
begin
    if not is_distributed() then
        return;
    end if;
    create temporary table checked_out_accounts (user_id uuid primary key) on commit drop;
    insert into checked_out_accounts select distinct a.id from unnest(accounts) a (id) where a.id is not null;
    analyze checked_out_accounts;
    create temporary table checked_out_tables on commit drop as select name, level from import_tables();

    -- What a rollback deletes must not get what refers to it: that would go with it. Citus takes row locks on one shard a time.
    for locked in
        select i.entity, array_agg(i.user_id) as user_ids
        from (
            select distinct user_id, entity from import_items join checked_out_accounts using (user_id) where is_made) i
        join checked_out_tables c on c.name = i.entity
        where purpose = 'rollback'
        group by c.level, i.entity,
            case when i.entity <> 'users' then get_shard_id_for_distribution_column('tasks', i.user_id) end
        order by c.level, i.entity
    loop
        execute format('select from %I where %I = any (%L::uuid[]) for update', locked.entity,
            case when locked.entity = 'users' then 'id' else 'user_id' end, locked.user_ids);
    end loop;

    -- Their texts name tables as they are visible: now those themselves, later their namesakes.
    select
        array_agg(format('create temporary table %1$I (like %2$I.%1$I '
            'including defaults including constraints including generated) on commit drop', c.name, schema)),
        array_agg(k.texts), array_agg(r.texts)
    into tables, keys, rests
    from checked_out_tables c
    cross join lateral (
        select string_agg(text, '; ') as texts
        from (
            select format('alter table %I add constraint %I %s', c.name, conname, pg_get_constraintdef(oid)) as text
            from pg_constraint
            where conrelid = c.name::regclass and contype in ('p', 'u')
            union all
            -- Those by words are for searching.
            select regexp_replace(pg_get_indexdef(i.indexrelid), ' ON \S+ USING', format(' ON %I USING', c.name))
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            join pg_am m on m.oid = x.relam and m.amname = 'btree'
            where i.indrelid = c.name::regclass and not exists (select from pg_constraint where conindid = i.indexrelid)) t) k
    cross join lateral (
        select string_agg(text, '; ') as texts
        from (
            -- Not valid: the tables are read one after the other, and somebody may have written in between.
            select format('alter table %I add constraint %I %s not valid', c.name, conname, pg_get_constraintdef(oid)) as text
            from pg_constraint
            where conrelid = c.name::regclass and contype = 'f'
            union all
            -- What comes after a change is done, and what looks at all accounts, is for the tables themselves.
            select pg_get_triggerdef(g.oid, true)
            from pg_trigger g
            join pg_proc p on p.oid = g.tgfoid and p.pronamespace = schema::regnamespace and p.proname <> 'keep_an_admin'
            where g.tgrelid = c.name::regclass and not g.tgisinternal and g.tgtype & 2 = 2) t) r;
    foreach named in array tables loop
        execute named;
    end loop;
    execute format('create temporary table imports (like %I.imports) on commit drop', schema);
    execute format('create temporary table import_reports (like %I.import_reports including defaults) on commit drop', schema);

    for named in select name from checked_out_tables loop
        select * into parts from import_carried(format('%I.%I', schema, named)::regclass);
        if exists (select from checked_out_accounts) then
            execute format(
                'insert into %1$I (%2$s) select %2$s from %3$I.%1$I where %4$I in (select user_id from checked_out_accounts)',
                named, parts.columns, schema, case when named = 'users' then 'id' else 'user_id' end);
        end if;
        execute format('create temporary table checked_out_%1$s on commit drop as select %2$s, %3$s as old_hash from %1$s t',
            named, parts.keys, parts.hash);
    end loop;
    foreach named in array keys || rests loop
        if named is not null then
            execute named;
        end if;
    end loop;
    for named in select name from checked_out_tables loop
        execute format('analyze %1$I', named);
        execute format('analyze checked_out_%s', named);
    end loop;
    if purpose = 'verification' then
        -- Only that reads what was reported before.
        execute format('insert into imports select * from %I.imports', schema);
        execute format('insert into import_reports select * from %I.import_reports where kind = ''rejected''', schema);
    end if;
    -- What was planned before means the tables themselves.
    discard plans;
end $_$;

--
-- Name: FUNCTION import_check_out(accounts uuid[], purpose text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_check_out(accounts uuid[], purpose text) IS 'In a cluster: brings rows of accounts into temporary tables that hide their own, until the end of the transaction.';

--
-- Name: import_check_out_run(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_check_out_run(run uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    if is_distributed() then
        perform import_check_out(
            array(
                select user_id from import_items where import_id = run
                union
                select user_id from import_changes where import_id = run),
            'rollback');
    end if;
end $$;

--
-- Name: FUNCTION import_check_out_run(run uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_check_out_run(run uuid) IS 'Does import_check_out() for the accounts whose rows a run has made or changed.';

--
-- Name: import_check_out_staged(text, uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_check_out_staged(from_source text, account uuid, purpose text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    if is_distributed() then
        perform import_check_out(import_accounts_of_staged(from_source) || account, purpose);
    end if;
end $$;

--
-- Name: FUNCTION import_check_out_staged(from_source text, account uuid, purpose text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_check_out_staged(from_source text, account uuid, purpose text) IS 'Does import_check_out() for the accounts that staged rows are about, and for one.';

--
-- Name: import_columns(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_columns(entity regclass) RETURNS TABLE(place smallint, name text, type text, parent regclass, is_needed boolean, fallback text)
    LANGUAGE sql STABLE
    AS $$
    select a.attnum, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), f.confrelid::regclass,
        a.attnotnull and d.adbin is null, pg_get_expr(d.adbin, d.adrelid)
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join pg_constraint f on f.conrelid = a.attrelid and f.contype = 'f' and a.attnum = any(f.conkey)
        and f.confrelid <> 'users'::regclass
    where a.attrelid = entity and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and a.attname not in ('user_id', 'version', 'search')
    order by a.attnum
$$;

--
-- Name: FUNCTION import_columns(entity regclass); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_columns(entity regclass) IS 'The columns that a source can fill: with the table that one refers to, and what stands there where a source has nothing.';

--
-- Name: import_compare(uuid, text, regclass, bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_compare(run uuid, from_source text, entity regclass, first bigint, last bigint) RETURNS TABLE(outcome text, rows bigint, source_sum numeric, target_sum numeric, sample json)
    LANGUAGE plpgsql
    AS $_$
declare
    parts record;
begin
    select * into parts from import_parts(entity, true);
    return query execute format($statement$
        with judged as materialized (select c.*, %2$s as import_rule from (%1$s offset 0) c),
        linked as %11$s (%3$s),
        compared as materialized (
            select c.import_key, (%4$s) is not distinct from (%5$s) as is_same,
                case
                    when not c.import_is_known then
                        case when c.import_rule is null and r.place is null then 'absent' else 'rejected' end
                    when not c.import_is_made then 'merged'
                    when t is null then 'deleted here'
                    when (%4$s) is not distinct from (%5$s) then 'same'
                    when %6$s <> c.import_old_mark then 'changed here'
                    when c.import_checksum <> c.import_old_checksum then 'changed in the source'
                    else 'different'
                end as outcome,
                hash_record_extended(row(%4$s), 0) as source_hash,
                hash_record_extended(row(%5$s), 0) as target_hash,
                case when (%4$s) is distinct from (%5$s) then json_build_array(%4$s) end as source_values,
                case when (%4$s) is distinct from (%5$s) then json_build_array(%5$s) end as target_values
            from linked c
            -- With its bounds once more, or the planner reads all that is staged for each chunk.
            join staged_%10$s s on s.place = c.import_place and s.place between $3 and $4
            -- Those that another row stood in the way of are known by their report alone.
            left join (
                select distinct p.place
                from import_reports p
                join imports m on m.id = p.import_id
                where m.source = $2 and m.status <> 'rolled_back' and p.entity = %10$L and p.kind = 'rejected') r
                on r.place = coalesce(s.at, s.source_key)
            -- Without the limit all of a large table is read for each chunk, and joined by a hash.
            left join lateral (select * from %7$s t where %8$s limit 1) t on true)
        select outcome, count(*), sum(source_hash::numeric), sum(target_hash::numeric),
            (select json_agg(json_build_object(
                'key', d.import_key, 'columns', %9$L::json, 'source', d.source_values, 'target', d.target_values))
                from (
                    select import_key, source_values, target_values
                    from compared c
                    where not c.is_same and c.outcome = compared.outcome and c.outcome not in ('rejected', 'merged')
                    order by import_key
                    limit 5) d)
        from compared
        group by outcome
        $statement$,
        parts.candidate, parts.rule, parts.linked, format(parts.same, 'c'), format(parts.same, 't'),
        format(parts.mark, 't'), entity, parts.target,
        (select json_agg(trim('"' from name) order by place) from import_columns(entity) where name <> 'id'), entity::text,
        case when parts.has_own_references then 'materialized' else 'not materialized' end)
    using run, from_source, first, last;
end $_$;

--
-- Name: FUNCTION import_compare(run uuid, from_source text, entity regclass, first bigint, last bigint); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_compare(run uuid, from_source text, entity regclass, first bigint, last bigint) IS 'What has become of staged rows: how many are the same here, column by column, and some of those that are not. The sums of the hashes of rows that are the same are equal, in any order.';

--
-- Name: import_cut_chosen_goals(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_cut_chosen_goals() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'changed', 'goals', coalesce(s.at, s.source_key), s.owner, c.rule, to_json(s)
    from import_cut c
    join staged_goals s using (place)
    order by c.place;
    update staged_goals s set parent_id = null from import_cut c where c.place = s.place;
end $$;

--
-- Name: FUNCTION import_cut_chosen_goals(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_cut_chosen_goals() IS 'Takes the parents from the goals that import_cut_goals() has chosen.';

--
-- Name: import_cut_goals(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_cut_goals() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    create temporary table if not exists import_chains (
        place bigint primary key, up bigint not null, least_place bigint not null) on commit delete rows;
    create temporary table if not exists import_cut (place bigint primary key, rule text not null) on commit delete rows;
    analyze staged_goals;

    -- Each goal and the one above it. One of another account is none: import_move() leaves it out.
    insert into import_chains (place, up, least_place)
    select c.place, p.place, c.place
    from staged_goals c
    join staged_goals p on p.source_key = c.parent_id
    join import_owners o on o.owner = c.owner
    join import_owners q on q.owner = p.owner and q.user_id = o.user_id;
    analyze import_chains;

    -- What no goal without a parent is above of is in a circle, or below one.
    with recursive reached_goal as (
        select s.place from staged_goals s where not exists (select from import_chains c where c.place = s.place)
        union all
        select c.place from reached_goal r join import_chains c on c.up = r.place)
    delete from import_chains c using reached_goal r where r.place = c.place;

    -- Each looks twice as far up in each round: in the end as far as there are goals, which is at one that is in a circle.
    for round in 0..ceil(log(2.0, greatest((select count(*) from import_chains), 1)))::integer loop
        update import_chains c set up = u.up, least_place = least(c.least_place, u.least_place)
        from import_chains u
        where u.place = c.up;
    end loop;
    insert into import_cut (place, rule)
    select place, 'goals_parent_circle'
    from import_chains
    where place = least_place and place in (select up from import_chains);
    perform import_cut_chosen_goals();
    delete from import_chains;
    delete from import_cut;

    -- goals_depth_of_new would end the import. Every hundredth goal of a chain begins a new one.
    insert into import_cut (place, rule)
    with recursive reached_goal as (
        select s.place, s.source_key, o.user_id, 1 as level, false as is_cut
        from staged_goals s
        join import_owners o on o.owner = s.owner
        where not exists (
            select from staged_goals p
            join import_owners q on q.owner = p.owner
            where p.source_key = s.parent_id and q.user_id = o.user_id)
        union all
        select s.place, s.source_key, o.user_id, r.level % 100 + 1, r.level = 100
        from reached_goal r
        join staged_goals s on s.parent_id = r.source_key
        join import_owners o on o.owner = s.owner and o.user_id = r.user_id)
    select place, 'goals_depth' from reached_goal where is_cut;
    perform import_cut_chosen_goals();
    delete from import_cut;
end $$;

--
-- Name: FUNCTION import_cut_goals(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_cut_goals() IS 'Takes the parent from one staged goal of each circle, and from those that would be below the 100th level; reports them.';

--
-- Name: import_forget_gone(uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_forget_gone(owner uuid, from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    entity text;
    gone bigint := 0;
    forgotten bigint;
begin
    for entity in select distinct i.entity from import_items i where i.user_id = owner and i.source = from_source loop
        execute format(
            'delete from import_items i where i.user_id = $1 and i.source = $2 and i.entity = %L '
            'and not exists (select from %s t where t.%s = $1%s)',
            entity, entity::regclass, case when entity = 'users' then 'id' else 'user_id' end,
            (select string_agg(
                    format(case when k.is_id then ' and t.%s = i.target_id' else ' and t.%s::text = i.target_part' end, k.name),
                    '')
                from import_keys(entity::regclass) k))
        using owner, from_source;
        get diagnostics forgotten = row_count;
        gone := gone + forgotten;
    end loop;
    return gone;
end $_$;

--
-- Name: FUNCTION import_forget_gone(owner uuid, from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_forget_gone(owner uuid, from_source text) IS 'Forgets which rows of a user came by imports of a source and were deleted since, so that an import brings them again. Returns how many.';

--
-- Name: import_fresh_media(text, bigint, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_fresh_media(from_source text, after bigint, most integer) RETURNS TABLE(place bigint, path text, sha256 text)
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return query
    select s.place, s.storage_key, s.sha256
    from staged_media s
    where s.place > after and not exists (
        select from import_items i where i.source = from_source and i.entity = 'media' and i.source_key = s.source_key)
    order by s.place
    limit most;
end $$;

--
-- Name: FUNCTION import_fresh_media(from_source text, after bigint, most integer); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_fresh_media(from_source text, after bigint, most integer) IS 'Staged files that have no object here.';

--
-- Name: import_keep_created(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_created(from_source text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    update staged_users s
    set created_at = u.created_at, updated_at = u.created_at
    from import_items i
    join users u on u.id = i.target_id
    where i.source = from_source and i.entity = 'users' and i.source_key = s.source_key and i.is_made;
end $$;

--
-- Name: FUNCTION import_keep_created(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_created(from_source text) IS 'A source that does not say when its users came gives them the time of the first that they did: found once, it stays.';

--
-- Name: import_keep_objects(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_objects(run uuid) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    made bigint;
    kept bigint;
begin
    select count(*) into made
    from staged_media s
    join import_items i on i.import_id = run and i.entity = 'media' and i.source_key = s.source_key and i.is_made;
    delete from media_deletions d using staged_media s
    where d.storage_key = s.storage_key
      and exists (
          select from import_items i where i.import_id = run and i.entity = 'media' and i.source_key = s.source_key);
    get diagnostics kept = row_count;
    return made - kept;
end $$;

--
-- Name: FUNCTION import_keep_objects(run uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_objects(run uuid) IS 'Takes the objects of the files that a run has made out of those that maintenance deletes. Returns how many were not there any more: it has deleted them.';

--
-- Name: import_keep_reports(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_reports(run uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    with staged as (delete from staged_reports returning kind, entity, place, owner, rule, content)
    insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
    select run, s.kind, s.entity, s.place, o.user_id, s.rule, s.content
    from staged s
    left join import_owners o using (owner);
end $$;

--
-- Name: FUNCTION import_keep_reports(run uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_reports(run uuid) IS 'Takes over what the source itself reported, once it is known whose it is.';

--
-- Name: import_keep_rows(uuid, text, text[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_rows(run uuid, from_source text, entities text[]) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    named text;
    has_user boolean;
    found bigint;
    kept bigint := 0;
begin
    foreach named in array entities loop
        has_user := exists (
            select from pg_attribute
            where attrelid = named::regclass and attname = 'user_id' and not attisdropped);
        execute format($statement$
            insert into import_items (
                source, entity, source_key, import_id, user_id, target_id, target_part, is_made, checksum, mark)
            select $2, %1$L, s.source_key, $1, %2$s, %3$s, %4$s, false, 0, 0
            from staged_%1$s s
            %5$s
            join %1$s t on %6$s
            on conflict do nothing
            $statement$,
            named,
            case when has_user then 'o.user_id' else quote_literal('00000000-0000-0000-0000-000000000000') || '::uuid' end,
            coalesce((select string_agg('t.' || name, '') from import_keys(named::regclass) where is_id), 'null::uuid'),
            coalesce(
                (select string_agg('t.' || name || '::text', '') from import_keys(named::regclass) where not is_id), 'null'),
            concat_ws(' ',
                case when has_user then 'join import_owners o on o.owner = s.owner join users u on u.id = o.user_id' end,
                (select string_agg(format(
                    'join import_items k_%1$s on k_%1$s.user_id = o.user_id and k_%1$s.entity = %2$L '
                    'and k_%1$s.source_key = s.%1$s and k_%1$s.source = $2', c.name, c.parent), ' ')
                    from import_columns(named::regclass) c
                    join import_keys(named::regclass) k using (name)
                    where c.parent is not null)),
            concat_ws(' and ',
                case when has_user then 't.user_id = o.user_id' end,
                (select string_agg(format(
                    case when c.parent is null then 't.%1$s = s.%1$s' else 't.%1$s = k_%1$s.target_id' end, c.name), ' and ')
                    from import_columns(named::regclass) c
                    join import_keys(named::regclass) k using (name)),
                -- The first transaction of one ledger is not that of another.
                case when named = 'credit_transactions' then
                    '(t.type, t.amount, t.balance_after, t.created_at) '
                    'is not distinct from (s.type, s.amount, s.balance_after, s.created_at)' end))
        using run, from_source;
        get diagnostics found = row_count;
        kept := kept + found;
    end loop;
    return kept;
end $_$;

--
-- Name: FUNCTION import_keep_rows(run uuid, from_source text, entities text[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_rows(run uuid, from_source text, entities text[]) IS 'Staged rows that are here, under the same key of the same user, are those: they are left as they are. Returns how many. A table comes after those that its key refers to.';

--
-- Name: import_keep_tags(uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_tags(run uuid, from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    merged bigint;
begin
    with found_tag as (
        select s.source_key, s.at, o.user_id, t.id, s.place
        from staged_tags s
        join import_owners o on o.owner = s.owner
        join tags t on t.user_id = o.user_id and t.slug = s.slug
        where not exists (
            select from import_items i
            where i.user_id = o.user_id and i.entity = 'tags' and i.source_key = s.source_key and i.source = from_source)),
    told as (
        insert into import_reports (import_id, kind, entity, place, user_id, rule)
        select run, 'merged', 'tags', coalesce(at, source_key), user_id, 'tags_slug_unique' from found_tag order by place)
    insert into import_items (source, entity, source_key, import_id, user_id, target_id, is_made, checksum, mark)
    select from_source, 'tags', source_key, run, user_id, id, false, 0, 0 from found_tag
    on conflict do nothing;
    get diagnostics merged = row_count;
    return merged;
end $$;

--
-- Name: FUNCTION import_keep_tags(run uuid, from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_tags(run uuid, from_source text) IS 'A tag that its user has here already is that one. Returns how many are.';

--
-- Name: import_keep_users(uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_users(run uuid, from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    merged bigint;
begin
    -- Those that import_move() refused have no account.
    update import_owners o set user_id = null
    where o.user_id is not null and not exists (select from users u where u.id = o.user_id);

    insert into import_items (source, entity, source_key, import_id, user_id, target_id, is_made, checksum, mark)
    select from_source, 'users', owner, run, user_id, user_id, false, 0, 0
    from import_owners
    where user_id is not null and outcome in ('same_id', 'same_identity', 'same_email')
    on conflict do nothing;
    get diagnostics merged = row_count;
    return merged;
end $$;

--
-- Name: FUNCTION import_keep_users(run uuid, from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_users(run uuid, from_source text) IS 'Remembers, after the users were moved, which rows of the source belong to accounts that were here. Returns how many.';

--
-- Name: import_keep_ways_in(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keep_ways_in(run uuid) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    parts record;
    reasons text;
    kept bigint;
begin
    select * into parts from import_parts('users', true);
    select string_agg(format('exists (select from %s child where child.user_id = u.id)', f.conrelid::regclass), ' or ')
    into reasons
    from pg_constraint f
    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and a.attname = 'user_id'
    where f.contype = 'f' and f.confrelid = 'users'::regclass and f.conrelid <> 'identities'::regclass
      and f.conrelid <> all (import_unasked());
    execute format($statement$
        with staying as materialized (
            select u.id
            from import_items i
            join users u on u.id = i.user_id
            where i.import_id = $1 and i.entity = 'users' and i.is_made and (
                %s <> i.mark or %s or exists (
                    select from identities d
                    where d.user_id = u.id and not exists (
                        select from import_items k
                        where k.user_id = u.id and k.entity = 'identities' and k.target_id = d.id and k.import_id = $1)))),
        left_alone as (
            delete from import_items i using staying s
            where i.user_id = s.id and i.import_id = $1 and i.entity = 'identities' and i.is_made
            returning i.source_key)
        insert into import_reports (import_id, kind, entity, place, rule)
        select $1, 'kept', 'identities', source_key, 'changed_here' from left_alone
        $statement$, format(parts.mark, 'u'), reasons)
    using run;
    get diagnostics kept = row_count;
    return kept;
end $_$;

--
-- Name: FUNCTION import_keep_ways_in(run uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keep_ways_in(run uuid) IS 'Leaves to the users who stay when a run is rolled back the identities by which they sign in. Called when of the run only these and the users themselves are left. Returns how many.';

--
-- Name: import_keys(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_keys(entity regclass) RETURNS TABLE(name text, type text, is_id boolean)
    LANGUAGE sql STABLE
    AS $$
    select quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.atttypid = 'uuid'::regtype
    from pg_constraint p
    join pg_attribute a on a.attrelid = p.conrelid and a.attnum = any(p.conkey)
    where p.conrelid = entity and p.contype = 'p'
      and (a.attname = 'id' or a.attname <> 'user_id' and not exists (
          select from pg_attribute i where i.attrelid = entity and i.attname = 'id' and not i.attisdropped))
    order by a.attnum
$$;

--
-- Name: FUNCTION import_keys(entity regclass); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_keys(entity regclass) IS 'The columns that name a row among those of its user: its id, or else the rest of its key.';

--
-- Name: import_known_media(text, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_known_media(from_source text, has_store boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    update staged_media s
    set storage_key = case
        when m.id is not null then m.storage_key
        when i.source_key is not null or not has_store then s.source_key
        else s.storage_key
    end
    from staged_media k
    left join import_items i on i.source = from_source and i.entity = 'media' and i.source_key = k.source_key
    left join media m on m.user_id = i.user_id and m.id = i.target_id
    where k.place = s.place;
end $$;

--
-- Name: FUNCTION import_known_media(from_source text, has_store boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_known_media(from_source text, has_store boolean) IS 'Gives staged files that are here the object that they have. Without a store, the others are given what is no object.';

--
-- Name: import_known_transactions(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_known_transactions(from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    folded bigint;
begin
    folded := import_take_out_folded(from_source);
    -- Those that are here are as they were written: their numbers and sums stand.
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'kept', 'credit_transactions', coalesce(s.at, s.source_key), s.owner, 'amount_changed', to_json(s)
    from staged_credit_transactions s
    join import_items i on i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key
    join credit_transactions t on t.user_id = i.user_id and t.seq = i.target_part::integer
    where (s.type, s.amount) is distinct from (t.type, t.amount);
    update staged_credit_transactions s
    set seq = t.seq, balance_after = t.balance_after, type = t.type, amount = t.amount
    from import_items i
    join credit_transactions t on t.user_id = i.user_id and t.seq = i.target_part::integer
    where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key;
    return folded;
end $$;

--
-- Name: FUNCTION import_known_transactions(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_known_transactions(from_source text) IS 'Gives the staged transactions that are here their numbers and sums; those without a number after that are new. Those that were folded are taken out: returns how many.';

--
-- Name: import_ledgers(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_ledgers(from_source text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    create temporary table if not exists import_ledgers (
        owner text primary key, user_id uuid not null, is_open boolean not null, available bigint not null,
        balance bigint not null, last_seq integer not null) on commit delete rows;
    delete from import_ledgers;
    -- One ledger for each account here, whose owner may be several users of the source. It is open unless the account was
    -- changed here since, or was not brought by an import.
    insert into import_ledgers (owner, user_id, is_open, available, balance, last_seq)
    select distinct on (o.user_id)
        a.owner, o.user_id,
        (t.user_id is null and i.source_key is null) or (i.is_made and hashtextextended(t::text, 0) = i.mark) is true,
        a.available, coalesce(t.available, 0), coalesce(t.last_seq, 0)
    from staged_credit_accounts a
    join import_owners o on o.owner = a.owner
    left join import_items i on i.source = from_source and i.entity = 'credit_accounts' and i.source_key = a.source_key
    left join credit_accounts t on t.user_id = o.user_id
    where o.user_id is not null
    order by o.user_id, a.place;
    analyze import_ledgers;
end $$;

--
-- Name: FUNCTION import_ledgers(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_ledgers(from_source text) IS 'Makes the temporary table of the accounts that staged transactions belong to.';

--
-- Name: import_move(uuid, text, regclass, bigint, bigint, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_move(run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean) RETURNS TABLE(imported bigint, updated bigint, unchanged bigint, kept bigint, rejected bigint)
    LANGUAGE plpgsql
    AS $_$
declare
    middle constant bigint := (first + last) / 2;
    broken text;
begin
    return query select * from import_move_at_once(run, from_source, entity, first, last, is_again);
exception when unique_violation then
    -- A changed row would be like another one here. The others need not suffer for it: it is looked for by halves.
    if first < last and exists (select from import_columns(entity) where parent = entity) then
        raise;
    elsif first < last then
        return query
        select sum(m.imported)::bigint, sum(m.updated)::bigint, sum(m.unchanged)::bigint, sum(m.kept)::bigint,
            sum(m.rejected)::bigint
        from (
            select * from import_move(run, from_source, entity, first, middle, is_again)
            union all
            select * from import_move(run, from_source, entity, middle + 1, last, is_again)) m;
        return;
    end if;
    get stacked diagnostics broken = constraint_name;
    execute format(
        'insert into import_reports (import_id, kind, entity, place, user_id, rule, content) '
        'select $1, ''kept'', %1$L, coalesce(s.at, s.source_key), case when not $4 then o.user_id end, $2, to_json(s) '
        'from staged_%1$s s left join import_owners o on o.owner = s.owner where s.place = $3', entity::text)
    using run, broken, first, entity = 'users'::regclass;
    return query select 0::bigint, 0::bigint, 0::bigint, 1::bigint, 0::bigint;
end $_$;

--
-- Name: FUNCTION import_move(run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_move(run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean) IS 'Does import_move_at_once(), and keeps a changed row as it is here when a unique constraint refuses the change.';

--
-- Name: import_move_at_once(uuid, text, regclass, bigint, bigint, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_move_at_once(run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean) RETURNS TABLE(imported bigint, updated bigint, unchanged bigint, kept bigint, rejected bigint)
    LANGUAGE plpgsql
    AS $_$
declare
    parts record;
    has_user constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'user_id' and not attisdropped);
    owner constant text := case when entity = 'users'::regclass then 'f.id' when has_user then 'f.user_id'
        else quote_literal('00000000-0000-0000-0000-000000000000') || '::uuid' end;
    reported constant text := case when has_user then 'c.user_id' else 'null::uuid' end;
    keys constant text := (select string_agg(name, ', ') from import_keys(entity));
    item_keys constant text := format('%s, %s',
        coalesce((select string_agg('f.' || name, '') from import_keys(entity) where is_id), 'null::uuid'),
        coalesce((select string_agg('f.' || name || '::text', '') from import_keys(entity) where not is_id), 'null'));
    has_version constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'version' and not attisdropped);
    -- A report is read by people, and sent to others: no hash of a password belongs there.
    content constant text := case when entity = 'users'::regclass
        then '(to_jsonb(s) - ''password_hash'')::json' else 'to_json(s)' end;
    told constant text := $statement$
        told as (
            insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
            select $1, r.kind, %1$L, coalesce(s.at, s.source_key), %2$s, r.rule, %4$s
            from refused r
            join staged_%1$s s on s.place = r.import_place and s.place between $3 and $4
            join judged c on c.import_place = r.import_place
            order by r.import_place),
        loose as (
            insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
            select $1, 'changed', %1$L, coalesce(s.at, s.source_key), %3$s, 'left_empty: ' || l.import_unlinked, %4$s
            from linked l
            join staged_%1$s s on s.place = l.import_place and s.place between $3 and $4
            where l.import_unlinked <> '' and (l.import_is_fresh or l.import_is_changed)
            order by l.import_place)
        $statement$;
begin
    -- For touch().
    perform set_config('holdfast.is_import', 'on', true);
    select * into parts from import_parts(entity, is_again);
    if has_version and not is_again then
        -- Nothing is here yet, and hardly anything comes twice: most chunks need no look at what was inserted, which would cost
        -- a third more.
        begin
            execute format($statement$
                with judged as materialized (select c.*, %1$s as import_rule from (%2$s offset 0) c),
                linked as %3$s (%4$s),
                fresh as materialized (select l.*, new_version() as import_mark from linked l where import_is_fresh),
                inserted as (insert into %5$s (%6$s, version) select %6$s, import_mark from fresh),
                made as (
                    insert into import_items (
                        source, entity, source_key, import_id, user_id, target_id, target_part, checksum, mark)
                    select $2, %7$L, f.import_key, $1, %8$s, %9$s, f.import_checksum, f.import_mark
                    from fresh f),
                refused as (
                    select import_place, import_rule as rule, 'rejected' as kind from judged where import_rule is not null),
                %10$s
                select (select count(*) from fresh), 0::bigint, 0::bigint, 0::bigint, (select count(*) from refused)
                $statement$,
                parts.rule, parts.candidate, case when parts.has_own_references then 'materialized' else 'not materialized' end,
                parts.linked, entity, parts.columns, entity::text, owner, item_keys,
                format(told, entity::text, reported, replace(reported, 'c.', 'l.'), content))
            into imported, updated, unchanged, kept, rejected
            using run, from_source, first, last;
            return next;
            return;
        exception when unique_violation then
            null;
        end;
    end if;
    -- The planner knows nothing of what a with query holds: with conditions as booleans it takes half of the rows for likely,
    -- and joins them by their hashes. By "is null" or "= 1" it thought of a handful, and compared each of 10,000 with each
    -- other. What is inserted, changed and written down is one statement: a row without its item would be nobody's to roll
    -- back.
    return query execute format($statement$
        with judged as materialized (select c.*, %2$s as import_rule from (%1$s offset 0) c),
        linked as %18$s (%3$s),
        fresh as materialized (
            select l.*, %19$s as import_is_first
            from linked l
            where import_is_fresh),
        inserted as (
            insert into %5$s (%6$s)
            select %6$s from fresh where import_is_first
            on conflict do nothing
            returning %4$s, %7$s as import_mark),
        made as (
            insert into import_items (
                source, entity, source_key, import_id, user_id, target_id, target_part, checksum, mark)
            select $2, %8$L, f.import_key, $1, %9$s, %10$s, f.import_checksum, n.import_mark
            from fresh f
            join inserted n using (%4$s)
            where f.import_is_first
            returning source_key),
        changed as materialized (
            select c.*, to_json(t) as import_before, %11$s as import_mark
            from linked c
            left join %5$s t on %12$s
            where c.import_is_changed),
        updated as (
            update %5$s t
            set %13$s
            from changed c
            where %12$s and c.import_mark = c.import_old_mark and (%14$s) is not distinct from (%15$s)
            returning c.import_key, %11$s as import_mark),
        item as (
            update import_items i
            set checksum = c.import_checksum, mark = u.import_mark
            from updated u
            join changed c using (import_key)
            where i.user_id = %20$s and i.entity = %8$L and i.source_key = u.import_key and i.source = $2),
        before as (
            insert into import_changes (import_id, user_id, entity, source_key, source, before, checksum, mark)
            select $1, %20$s, %8$L, c.import_key, $2, c.import_before, c.import_old_checksum, u.import_mark
            from updated u
            join changed c using (import_key)),
        refused as (
            select import_place, import_rule as rule, 'rejected' as kind from judged where import_rule is not null
            union all
            select f.import_place, %16$L, 'rejected'
            from fresh f
            where not f.import_is_first or not exists (select from made m where m.source_key = f.import_key)
            union all
            select c.import_place,
                case when c.import_mark is null then 'deleted_here' when c.import_mark = c.import_old_mark then 'key_changed'
                    else 'changed_here' end,
                'kept'
            from changed c
            where not exists (select from updated u where u.import_key = c.import_key)),
        %17$s
        select (select count(*) from made), (select count(*) from updated),
            (select count(*) from linked
                where import_is_good and not import_is_fresh and not import_is_changed),
            (select count(*) from refused where kind = 'kept'), (select count(*) from refused where kind = 'rejected')
        $statement$,
        parts.candidate, parts.rule, parts.linked,
        concat_ws(', ', case when has_user then 'user_id' end, keys),
        entity, parts.columns, format(parts.mark, entity::text), entity::text, owner, item_keys, format(parts.mark, 't'),
        parts.target,
        (select string_agg(
            case when entity = 'users'::regclass and name = 'password_hash'
                -- It is renewed at the first login, and changed by its owner, without a new version of the account.
                then 'password_hash = case when t.password_hash like ''$argon2id$%'' then t.password_hash '
                    'else c.password_hash end'
                else format('%1$s = c.%1$s', name) end, ', ' order by place)
            from import_columns(entity)
            where name not in (select k.name from import_keys(entity) k)),
        (select coalesce(string_agg('t.' || name, ', '), 'true') from import_keys(entity)),
        (select coalesce(string_agg('c.' || name, ', '), 'true') from import_keys(entity)),
        coalesce(
            (select string_agg(conname, ' or ' order by conname) from pg_constraint where conrelid = entity and contype = 'u'),
            entity || '_pkey'),
        format(told, entity::text, reported, replace(reported, 'c.', 'l.'), content),
        case when parts.has_own_references then 'materialized' else 'not materialized' end,
        concat_ws(' and ', 'true',
            case when not exists (select from import_keys(entity) where name = 'id') then format(
                'row_number() over (partition by %s order by import_place) = 1',
                concat_ws(', ', case when has_user then 'user_id' end, keys)) end,
            case when is_again then 'row_number() over (partition by import_key order by import_place) = 1' end),
        replace(owner, 'f.', 'c.'))
    using run, from_source, first, last;
end $_$;

--
-- Name: FUNCTION import_move_at_once(run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_move_at_once(run uuid, from_source text, entity regclass, first bigint, last bigint, is_again boolean) IS 'Brings staged rows into their table: those that are new, and those that have changed in the source but not here. is_again: some may be here, or come twice.';

--
-- Name: import_part_slugs(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_part_slugs(from_source text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    with placed_entry as (
        select s.place,
            -- Whoever has it here keeps it.
            row_number() over (
                partition by o.user_id, s.slug
                order by (t.slug is not distinct from s.slug) desc, s.created_at, s.place) > 1
            or exists (
                select from blog_entries b
                where b.user_id = o.user_id and b.slug = s.slug and b.id is distinct from t.id) as is_taken
        from staged_blog_entries s
        join import_owners o on o.owner = s.owner
        left join import_items i
            on i.source = from_source and i.entity = 'blog_entries' and i.source_key = s.source_key
        left join blog_entries t on t.user_id = o.user_id and t.id = i.target_id),
    told as (
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'changed', 'blog_entries', coalesce(s.at, s.source_key), s.owner, 'blog_entries_slug_unique', to_json(s)
        from placed_entry p
        join staged_blog_entries s using (place)
        where p.is_taken
        order by p.place)
    update staged_blog_entries s set slug = left(s.slug, 291) || '-' || left(s.source_key, 8)
    from placed_entry p
    where p.place = s.place and p.is_taken;
end $$;

--
-- Name: FUNCTION import_part_slugs(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_part_slugs(from_source text) IS 'Makes the slugs of an account''s staged entries differ: by the beginning of the key.';

--
-- Name: import_parts(regclass, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_parts(entity regclass, is_again boolean, OUT candidate text, OUT rule text, OUT columns text, OUT same text, OUT target text, OUT mark text, OUT linked text, OUT has_own_references boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $_$
declare
    has_user constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'user_id' and not attisdropped);
    has_id constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'id' and not attisdropped);
    is_users constant boolean := entity = 'users'::regclass;
    nobody constant text := quote_literal('00000000-0000-0000-0000-000000000000');
begin
    candidate := format(
        'select s.place as import_place, s.source_key as import_key, i.source_key is not null as import_is_known, '
        'i.is_made as import_is_made, '
        'i.checksum as import_old_checksum, i.mark as import_old_mark, i.target_id as import_target_id, '
        'i.target_part as import_target_part, hash_record_extended(row(s.owner, %s), 0) as import_checksum%s, %s '
        'from staged_%s s %s %s left join %s i on true '
        'where s.place between $3 and $4',
        -- Where the bytes of a file lie is not the source's.
        (select string_agg(format(case when type = 'json' then 's.%s::text' else 's.%s' end, name), ', ' order by place)
            from import_columns(entity) where name <> 'storage_key'),
        case when is_users then ', o.user_id as import_user_id' when has_user then ', o.user_id' else '' end,
        (select string_agg(
            case
                when name = 'id' and is_users then 'o.user_id as id'
                when name = 'id' then 'coalesce(i.target_id, s.id, new_id(s.created_at), new_id()) as id'
                when parent = entity then format('null::uuid as %1$s, s.%1$s as import_ref_%1$s', name)
                when parent is not null then format('p_%1$s.id as %1$s, s.%1$s as import_ref_%1$s', name)
                when name = 'taggable_id' then 'p_taggable_id.target_id as taggable_id, s.taggable_id as import_ref_taggable_id'
                when name = 'updated_at' then 'coalesce(s.updated_at, s.created_at, now()) as updated_at'
                when fallback is not null then format('coalesce(s.%1$s, %2$s) as %1$s', name, fallback)
                else 's.' || name
            end, ', ' order by place)
            from import_columns(entity)),
        entity::text,
        case
            when is_users then 'join import_owners o on o.owner = s.source_key and o.is_own'
            when has_user then 'left join import_owners o on o.owner = s.owner'
            else ''
        end,
        (select coalesce(string_agg(
            case when name = 'taggable_id' then
                'left join import_items p_taggable_id on p_taggable_id.user_id = o.user_id '
                'and p_taggable_id.entity = replace(s.taggable_type, ''-'', ''_'') '
                'and p_taggable_id.source_key = s.taggable_id and p_taggable_id.source = $2 '
                -- Here, too, its user may have deleted it since.
                || 'and case p_taggable_id.entity ' || (
                    select string_agg(format(
                        'when %1$L then exists ('
                        'select from %1$s d where d.user_id = o.user_id and d.id = p_taggable_id.target_id)',
                        f.confrelid::regclass::text), ' ')
                    from pg_constraint f
                    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and a.attgenerated <> ''
                    where f.conrelid = entity and f.contype = 'f') || ' end'
            else format(
                -- Each once, however many rows refer to it. Its row is looked at, too: its user may have deleted it since.
                'left join (select k.user_id, k.%1$s, p.id from ('
                'select distinct o.user_id, s.%1$s from staged_%3$s s join import_owners o on o.owner = s.owner '
                'where s.place between $3 and $4) k '
                'cross join lateral ('
                'select p.id from import_items i join %2$s p on p.user_id = i.user_id and p.id = i.target_id '
                'where i.user_id = k.user_id and i.entity = %2$L and i.source_key = k.%1$s and i.source = $2 '
                'limit 1) p) p_%1$s '
                'on p_%1$s.user_id = o.user_id and p_%1$s.%1$s = s.%1$s', name, parent, entity::text)
            end, ' ' order by place), '')
            from import_columns(entity)
            where parent <> entity or name = 'taggable_id'),
        -- Of a million rows that are new, none need be looked for. The limit makes the planner look up one at a time: it thinks
        -- that there are as many items as before this import, and would read all of them for each chunk.
        case when is_again then format(
            'lateral (select * from import_items i where i.user_id = %s and i.entity = %L and i.source_key = s.source_key '
            'and i.source = $2 limit 1)',
            case when is_users or has_user then 'o.user_id' else nobody end, entity::text)
            else '(select * from import_items where false)' end);
    rule := format(
        'case %s else null end',
        (select string_agg(line, ' ' order by number)
            from (
                select 1 as number, format('when user_id is null then %L', entity || '_user_exists') as line where has_user
                union all
                select 2, format('when import_ref_%1$s is not null and %1$s is null then %2$L', c.name, f.conname)
                from import_columns(entity) c
                join pg_attribute a on a.attrelid = entity and a.attnum = c.place
                join pg_constraint f on f.conrelid = entity and f.contype = 'f' and a.attnum = any(f.conkey)
                    and f.confrelid = c.parent
                where c.parent <> entity
                union all
                select 2, format(
                    'when import_ref_taggable_id is not null and taggable_id is null then %L', entity || '_target_exists')
                from import_columns(entity) where name = 'taggable_id'
                union all
                select 3, format('when %s is null then %L', name, entity || '_' || name || '_needed')
                from import_columns(entity) where is_needed and name <> 'id'
                union all
                select 4, format('when (%s) is false then %L', pg_get_expr(k.conbin, k.conrelid), k.conname)
                from pg_constraint k
                where k.conrelid = entity and k.contype = 'c' and not exists (
                    select from pg_attribute a
                    where a.attrelid = entity and a.attnum = any(k.conkey) and a.attgenerated <> '')) lines));
    columns := (
        select case when has_user then 'user_id, ' else '' end || string_agg(name, ', ' order by place)
        from import_columns(entity));
    same := (
        select string_agg(format(
            case
                when type = 'json' then '%s.%s::text'
                when is_users and name = 'password_hash' then 'null::text'
                else '%s.%s'
            end, '%1$s', name), ', ' order by place)
        from import_columns(entity) where name <> 'id');
    target := (
        select string_agg(
            case when is_id then format('t.%s = c.import_target_id', name)
            else format('t.%s = c.import_target_part::%s', name, type) end, ' and ')
        from import_keys(entity));
    target := concat_ws(' and ', case when has_user then 't.user_id = c.user_id' end, target);
    mark := case when exists (select from pg_attribute where attrelid = entity and attname = 'version' and not attisdropped)
        then '%1$s.version' else 'hashtextextended(%1$s::text, 0)' end;
    has_own_references := exists (select from import_columns(entity) where parent = entity);
    -- References within the table: their rows are known only now. One to a row that was refused, or to the row itself, is left
    -- out.
    linked := format(
        'select import_place, judged.import_key, import_is_known, import_is_made, import_old_checksum, import_old_mark, '
        'import_target_id, import_target_part, import_checksum, import_rule, import_rule is null as import_is_good, '
        'import_rule is null and not import_is_known as import_is_fresh, '
        'import_rule is null and import_is_made and import_checksum <> import_old_checksum as import_is_changed, '
        '%s%s, %s as import_unlinked from judged %s',
        case when is_users then 'import_user_id, ' when has_user then 'judged.user_id, ' else '' end,
        (select string_agg(
            case when parent = entity then format('p_%1$s.id as %1$s', name) else 'judged.' || name end, ', ' order by place)
            from import_columns(entity)),
        coalesce(
            (select 'concat_ws('', '', ' || string_agg(format(
                'case when judged.import_ref_%1$s is not null and p_%1$s.id is null then %2$L end', name, trim('"' from name)),
                ', ') || ')'
            from import_columns(entity) where parent = entity),
            quote_literal('')),
        (select coalesce(string_agg(format(
            'left join (select import_key, user_id, id from judged where (import_rule is null) is true '
            -- One that its user has deleted here since is none.
            'and (not import_is_known or exists ('
            'select from %2$s d where d.user_id = judged.user_id and d.id = judged.id))) p_%1$s '
            'on p_%1$s.import_key = judged.import_ref_%1$s and p_%1$s.user_id = judged.user_id '
            'and p_%1$s.import_key <> judged.import_key', name, entity::text), ' '), '')
            from import_columns(entity) where parent = entity));
end $_$;

--
-- Name: FUNCTION import_parts(entity regclass, is_again boolean, OUT candidate text, OUT rule text, OUT columns text, OUT same text, OUT target text, OUT mark text, OUT linked text, OUT has_own_references boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_parts(entity regclass, is_again boolean, OUT candidate text, OUT rule text, OUT columns text, OUT same text, OUT target text, OUT mark text, OUT linked text, OUT has_own_references boolean) IS 'The parts of the statements that import_move() and import_compare() put together for a table.';

--
-- Name: import_place_owner(text, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_place_owner(named text, account uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    insert into import_owners (owner, user_id, is_own, outcome) values (named, account, false, 'named');
end $$;

--
-- Name: FUNCTION import_place_owner(named text, account uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_place_owner(named text, account uuid) IS 'Gives the rows of a source without users to an account.';

--
-- Name: import_place_users(uuid, text, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_place_users(run uuid, from_source text, into_existing boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
begin
    analyze staged_users;
    -- Those that an earlier import brought.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.source_key, u.id, i.is_made, 'known'
    from staged_users s
    join import_items i on i.source = from_source and i.entity = 'users' and i.source_key = s.source_key
    left join users u on u.id = i.target_id
    on conflict do nothing;

    -- Nobody chooses the id of their account: who has the one of an export is whose it was.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.source_key, u.id, false, 'same_id'
    from staged_users s
    join users u on u.id = s.id
    on conflict do nothing;

    -- The provider said that it is them.
    insert into import_owners (owner, user_id, is_own, outcome)
    select distinct on (s.source_key) s.source_key, d.user_id, false, 'same_identity'
    from staged_users s
    join staged_identities t on t.owner = s.source_key
    join identities d on d.provider = t.provider and d.subject = t.subject
    order by s.source_key, d.user_id
    on conflict do nothing;

    -- Whoever registers with another's e-mail address must not be given their data: the address is proved, or the account came
    -- by an import as well.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.source_key,
        case when into_existing or u.email_verified_at is not null or made.is_made then u.id end,
        false,
        case when into_existing or u.email_verified_at is not null or made.is_made then 'same_email' else 'unproved_email' end
    from staged_users s
    join users u on normal_login(u.email) = normal_login(s.email)
    cross join lateral (
        select exists (
            select from import_items i where i.user_id = u.id and i.entity = 'users' and i.is_made) as is_made) made
    on conflict do nothing;

    -- The others are new: those with one e-mail address are one account, made of the oldest.
    insert into import_owners (owner, user_id, is_own, outcome)
    with placed_user as (
        select s.source_key, first_value(s.source_key) over same_user as first_key, s.id, s.created_at, s.place
        from staged_users s
        where not exists (select from import_owners o where o.owner = s.source_key)
        window same_user as (
            partition by coalesce(normal_login(s.email), s.source_key) order by s.created_at, s.place)),
    identified_user as materialized (
        select source_key, coalesce(id, new_id(created_at), new_id()) as id from placed_user where source_key = first_key)
    select p.source_key, i.id, p.source_key = p.first_key,
        case when p.source_key = p.first_key then 'new' else 'same_email' end
    from placed_user p
    join identified_user i on i.source_key = p.first_key
    on conflict do nothing;

    insert into import_reports (import_id, kind, entity, place, user_id, rule, content)
    select run, case when o.outcome = 'unproved_email' then 'rejected' else 'merged' end, 'users', coalesce(s.at, s.source_key),
        null, o.outcome, (to_jsonb(s) - 'password_hash')::json
    from import_owners o
    join staged_users s on s.source_key = o.owner
    where o.outcome in ('same_id', 'same_identity', 'same_email', 'unproved_email')
    order by s.place;

    -- A name that another account has cannot be had twice; the account is worth more than its name.
    with placed_name as (
        select s.place,
            row_number() over (partition by normal_login(s.username) order by s.created_at, s.place) > 1
            or exists (
                select from users u where normal_login(u.username) = normal_login(s.username) and u.id <> o.user_id) as is_taken
        from staged_users s
        join import_owners o on o.owner = s.source_key and o.is_own
        where s.username is not null),
    told as (
        insert into import_reports (import_id, kind, entity, place, rule, content)
        select run, 'changed', 'users', coalesce(s.at, s.source_key), 'users_username_unique',
            (to_jsonb(s) - 'password_hash')::json
        from placed_name n
        join staged_users s using (place)
        where n.is_taken
        order by s.place)
    update staged_users s set username = null from placed_name n where n.place = s.place and n.is_taken;

    analyze import_owners;
    return (select count(*) from import_owners where outcome = 'unproved_email');
end $$;

--
-- Name: FUNCTION import_place_users(run uuid, from_source text, into_existing boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_place_users(run uuid, from_source text, into_existing boolean) IS 'Finds the account of each staged user: the one of an earlier import, of the same id, identity or e-mail address, or a new one, with the id that it had where the source is an export. Returns how many get none.';

--
-- Name: import_refuse(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_refuse(entity regclass) RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
declare
    rule text;
    refused bigint;
begin
    select string_agg(line, ' ' order by number) into rule
    from (
        select 1 as number, format('when s.%s is null then %L', name, entity || '_' || name || '_needed') as line
        from import_columns(entity) where is_needed and name <> 'id' and parent is null
        union all
        select 2, format('when (%s) is false then %L', pg_get_expr(k.conbin, k.conrelid), k.conname)
        from pg_constraint k
        where k.conrelid = entity and k.contype = 'c' and not exists (
            select from pg_attribute a where a.attrelid = entity and a.attnum = any(k.conkey) and a.attgenerated <> '')) lines;
    execute format($statement$
        with refused as (
            delete from staged_%1$s s where case %2$s end is not null
            returning s.*, case %2$s end as import_rule)
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'rejected', %1$L, coalesce(r.at, r.source_key), r.owner, r.import_rule, to_json(r)
        from refused r
        order by r.place
        $statement$, entity::text, rule);
    get diagnostics refused = row_count;
    return refused;
end $_$;

--
-- Name: FUNCTION import_refuse(entity regclass); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_refuse(entity regclass) IS 'Takes out and reports staged rows that the table''s own rules refuse: where the rows that follow are numbered, that has to be known first. Returns how many.';

--
-- Name: import_refuse_late(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_refuse_late() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    refused bigint;
begin
    with late_transaction as (
        delete from staged_credit_transactions s
        where s.seq is null and not exists (select from import_ledgers l where l.owner = s.owner and l.is_open)
        returning s.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'credit_transactions', coalesce(s.at, s.source_key), s.owner,
        case when l.owner is null then 'credit_transactions_account_exists' else 'account_changed_here' end, to_json(s)
    from late_transaction s
    left join import_ledgers l on l.owner = s.owner
    order by s.place;
    get diagnostics refused = row_count;
    return refused;
end $$;

--
-- Name: FUNCTION import_refuse_late(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_refuse_late() IS 'Takes out new transactions without an account, or of one that was changed here since. Returns how many.';

--
-- Name: import_refuse_late_messages(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_refuse_late_messages(from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    refused bigint;
begin
    -- What was said in the old app since goes into a conversation that is as it was left: where it was changed here, numbers
    -- would be given twice.
    with changed_conversation as materialized (
        select s.source_key, o.user_id
        from staged_conversations s
        join import_owners o on o.owner = s.owner
        cross join lateral (
            select i.user_id, i.target_id, i.mark from import_items i
            where i.user_id = o.user_id and i.entity = 'conversations' and i.source_key = s.source_key
              and i.source = from_source
            limit 1) i
        left join conversations c on c.user_id = i.user_id and c.id = i.target_id
        where c.version is distinct from i.mark),
    late_message as (
        delete from staged_messages m
        using changed_conversation c
        where m.conversation_id = c.source_key and not exists (
            select from import_items i
            where i.user_id = c.user_id and i.entity = 'messages' and i.source_key = m.source_key and i.source = from_source)
        returning m.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'messages', coalesce(m.at, m.source_key), m.owner, 'conversation_changed_here', to_json(m)
    from late_message m
    order by m.place;
    get diagnostics refused = row_count;

    -- What is no longer in the source stays here.
    update staged_conversations s
    set last_seq = c.last_seq, last_activity_at = greatest(s.last_activity_at, c.last_activity_at)
    from import_owners o
    join import_items i on i.user_id = o.user_id
    join conversations c on c.user_id = i.user_id and c.id = i.target_id
    where o.owner = s.owner and i.entity = 'conversations' and i.source_key = s.source_key and i.source = from_source
      and c.version = i.mark and c.last_seq > s.last_seq;
    return refused;
end $$;

--
-- Name: FUNCTION import_refuse_late_messages(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_refuse_late_messages(from_source text) IS 'Takes out new messages of conversations that were changed here since; the others stay as long as they are here. Returns how many were taken out.';

--
-- Name: import_set_objects(bigint[], text[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_set_objects(places bigint[], keys text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    update staged_media s set storage_key = k.key
    from unnest(places, keys) as k (place, key)
    where s.place = k.place;
end $$;

--
-- Name: FUNCTION import_set_objects(places bigint[], keys text[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_set_objects(places bigint[], keys text[]) IS 'Says where the objects of staged files lie.';

--
-- Name: import_settle_conversations(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_settle_conversations(from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    refused bigint;
    late bigint;
begin
    perform import_keep_created(from_source);
    -- The users that an earlier part of the same run brought.
    insert into import_owners (owner, user_id, is_own, outcome)
    select s.owner, u.id, false, 'known'
    from (select distinct owner from staged_conversations) s
    cross join lateral (
        select target_id from import_items i
        where i.source = from_source and i.entity = 'users' and i.source_key = s.owner limit 1) i
    join users u on u.id = i.target_id
    on conflict do nothing;

    update staged_usage s
    set created_at = u.created_at
    from import_owners o
    join import_items i on i.user_id = o.user_id
    join usage u on u.user_id = o.user_id
    where o.owner = s.owner and i.entity = 'usage' and i.source_key = s.source_key and i.source = from_source;

    -- Messages are numbered without a gap.
    refused := import_refuse('messages');
    if refused > 0 then
        with numbered_message as (
            select place, row_number() over (partition by conversation_id order by seq) as seq from staged_messages)
        update staged_messages s set seq = n.seq from numbered_message n where n.place = s.place and n.seq <> s.seq;
        with counted_conversation as (
            select c.place, count(m.place) as messages
            from staged_conversations c
            left join staged_messages m on m.conversation_id = c.source_key
            group by c.place)
        update staged_conversations c
        set last_seq = n.messages
        from counted_conversation n
        where n.place = c.place and n.messages <> c.last_seq;
    end if;

    late := import_refuse_late_messages(from_source);
    return refused + late;
end $$;

--
-- Name: FUNCTION import_settle_conversations(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_settle_conversations(from_source text) IS 'Takes out messages that cannot come, and numbers the others. Returns how many were taken out.';

--
-- Name: import_settle_export(text, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_settle_export(from_source text, is_own boolean, OUT identities bigint, OUT messages bigint, OUT transactions bigint, OUT folded bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
begin
    identities := 0;
    if is_own then
        -- What somebody says of themselves lets nobody into an account that was here.
        with late_identity as (
            delete from staged_identities s
            using import_owners o
            where o.owner = s.owner and not o.is_own and not exists (
                select from import_items i
                where i.user_id = o.user_id and i.entity = 'identities' and i.source_key = s.source_key
                  and i.source = from_source)
            returning s.*)
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'rejected', 'identities', s.source_key, s.owner, 'account_is_here', to_json(s)
        from late_identity s
        order by s.place;
        get diagnostics identities = row_count;
        update staged_users s
        set role = u.role, password_hash = u.password_hash
        from import_owners o
        join users u on u.id = o.user_id
        where o.owner = s.source_key;
    end if;

    messages := import_refuse_late_messages(from_source);
    select * into transactions, folded from import_settle_exported_ledger(from_source);
end $$;

--
-- Name: FUNCTION import_settle_export(from_source text, is_own boolean, OUT identities bigint, OUT messages bigint, OUT transactions bigint, OUT folded bigint); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_settle_export(from_source text, is_own boolean, OUT identities bigint, OUT messages bigint, OUT transactions bigint, OUT folded bigint) IS 'Takes out staged rows of an export that would not fit to what is here. is_own: one that a user took of their own account. Returns how many were taken out, and how many transactions are folded already.';

--
-- Name: import_settle_exported_ledger(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_settle_exported_ledger(from_source text, OUT refused bigint, OUT folded bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
begin
    perform import_ledgers(from_source);
    -- A ledger goes on where it is as it was left.
    with late_transaction as (
        delete from staged_credit_transactions s
        where not exists (select from import_ledgers l where l.owner = s.owner and l.is_open) and not exists (
            select from import_items i
            where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key)
        returning s.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'credit_transactions', s.source_key, s.owner,
        case when l.owner is null then 'credit_transactions_account_exists' else 'account_changed_here' end, to_json(s)
    from late_transaction s
    left join import_ledgers l on l.owner = s.owner
    order by s.place;
    get diagnostics refused = row_count;

    folded := import_take_out_folded(from_source);

    -- Those that are here stand: where the export is from, they may have been folded since.
    update staged_credit_transactions s
    set type = t.type, amount = t.amount, balance_after = t.balance_after, description = t.description,
        idempotency_key = t.idempotency_key, refunds_seq = t.refunds_seq, created_at = t.created_at
    from import_items i
    join credit_transactions t on t.user_id = i.user_id and t.seq = i.target_part::integer
    where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key
      and (s.type, s.amount) is distinct from (t.type, t.amount);
end $$;

--
-- Name: FUNCTION import_settle_exported_ledger(from_source text, OUT refused bigint, OUT folded bigint); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_settle_exported_ledger(from_source text, OUT refused bigint, OUT folded bigint) IS 'Takes out staged transactions of ledgers that were changed here, or were here before, and those that are folded here. Returns how many of each.';

--
-- Name: import_settle_ledger(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_settle_ledger(from_source text, OUT accounts bigint, OUT transactions bigint, OUT folded bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare
    out_of_range bigint;
begin
    perform import_keep_created(from_source);
    -- Seq and balance are given below; until then they are none that a rule could refuse.
    update staged_credit_transactions set seq = 1, balance_after = 0;
    accounts := import_refuse('credit_accounts');
    transactions := import_refuse('credit_transactions');
    update staged_credit_transactions set seq = null, balance_after = null;
    -- Equal transactions are told apart by their place.
    with numbered_transaction as (
        select place, row_number() over (partition by source_key order by place) as turn from staged_credit_transactions)
    update staged_credit_transactions s
    set source_key = s.source_key || '/' || n.turn
    from numbered_transaction n
    where n.place = s.place and n.turn > 1;
    analyze staged_credit_transactions;
    perform import_ledgers(from_source);
    folded := import_known_transactions(from_source);
    transactions := transactions + import_refuse_late();

    -- Sums that no integer holds.
    with vast_ledger as (
        select s.owner from staged_credit_transactions s
        where s.seq is null
        group by s.owner
        having sum(abs(s.amount::bigint)) > 1000000000),
    vast_transaction as (
        delete from staged_credit_transactions s using vast_ledger v where s.owner = v.owner and s.seq is null returning s.*)
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'rejected', 'credit_transactions', coalesce(s.at, s.source_key), s.owner,
        'credit_transactions_balance_after_range', to_json(s)
    from vast_transaction s
    order by s.place;
    get diagnostics out_of_range = row_count;
    transactions := transactions + out_of_range;

    -- The old app kept 90 days, and did not write everything down: an entry before the new ones brings forward what they need
    -- so that none goes below zero and the last one comes to what is available; one after them takes what is too much.
    create temporary table if not exists import_balances (
        owner text primary key, opening bigint not null, closing bigint not null, entries integer not null,
        first_at timestamptz, last_at timestamptz) on commit delete rows;
    delete from import_balances;
    insert into import_balances (owner, opening, closing, entries, first_at, last_at)
    with summed_transaction as (
        select s.owner, s.amount, s.created_at,
            sum(s.amount) over (partition by s.owner order by s.created_at, s.place) as running
        from staged_credit_transactions s
        where s.seq is null),
    summed_ledger as (
        select owner, sum(amount) as total, least(min(running), 0) as lowest, count(*) as entries,
            min(created_at) as first_at, max(created_at) as last_at
        from summed_transaction
        group by owner),
    opened_ledger as (
        select l.owner, l.available, l.balance, coalesce(s.total, 0) as total, coalesce(s.entries, 0) as entries, s.first_at,
            s.last_at,
            greatest(0, l.available - l.balance - coalesce(s.total, 0), - l.balance - coalesce(s.lowest, 0)) as opening
        from import_ledgers l
        left join summed_ledger s using (owner)
        where l.is_open)
    select owner, opening, available - balance - total - opening, entries, first_at, last_at from opened_ledger;

    with numbered_transaction as (
        select s.place, l.last_seq + (b.opening > 0)::integer + row_number() over ledger as seq,
            l.balance + b.opening + sum(s.amount) over ledger as balance_after
        from staged_credit_transactions s
        join import_ledgers l on l.owner = s.owner
        join import_balances b on b.owner = s.owner
        where s.seq is null
        window ledger as (partition by s.owner order by s.created_at, s.place))
    update staged_credit_transactions s
    set seq = n.seq, balance_after = n.balance_after
    from numbered_transaction n
    where n.place = s.place;

    -- Where what the app wrote down goes below zero by itself.
    insert into staged_reports (kind, entity, place, owner, rule, content)
    select 'changed', 'credit_transactions', coalesce(s.at, s.source_key), s.owner, 'balance_below_zero', to_json(s)
    from staged_credit_transactions s
    join import_ledgers l on l.owner = s.owner and s.seq > l.last_seq
    join import_balances b on b.owner = s.owner
    where s.balance_after - b.opening < 0 and s.balance_after - b.opening - s.amount >= 0
    order by s.place;

    with balancing_entry as (
        select b.owner, l.user_id, l.last_seq + 1 as seq, 'allocate' as type, b.opening as amount,
            l.balance + b.opening as balance_after, 'Brought forward' as description, b.first_at as at
        from import_balances b
        join import_ledgers l using (owner)
        where b.opening > 0
        union all
        select b.owner, l.user_id, l.last_seq + (b.opening > 0)::integer + b.entries + 1, 'deduct', b.closing, l.available,
            'Balanced', b.last_at
        from import_balances b
        join import_ledgers l using (owner)
        where b.closing < 0),
    told as (
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'changed', 'credit_transactions', owner || '/balance/' || seq, owner, 'ledger_balanced', to_json(e)
        from balancing_entry e
        order by owner, seq)
    insert into staged_credit_transactions (source_key, owner, type, amount, seq, balance_after, description, created_at)
    select e.owner || '/balance/' || e.seq, e.owner, e.type, e.amount, e.seq, e.balance_after, e.description,
        coalesce(e.at, a.last_reset_at)
    from balancing_entry e
    join staged_credit_accounts a on a.owner = e.owner;

    update staged_credit_accounts a
    set last_seq = l.last_seq + (b.opening > 0)::integer + (b.closing < 0)::integer + b.entries,
        created_at = coalesce(t.created_at, least(a.created_at, b.first_at))
    from import_ledgers l
    join import_balances b using (owner)
    left join credit_accounts t on t.user_id = l.user_id
    where a.owner = l.owner;
end $$;

--
-- Name: FUNCTION import_settle_ledger(from_source text, OUT accounts bigint, OUT transactions bigint, OUT folded bigint); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_settle_ledger(from_source text, OUT accounts bigint, OUT transactions bigint, OUT folded bigint) IS 'Numbers staged transactions, each with the balance after it, and adds what they lack to come to what is available. Returns how many accounts and transactions were taken out, and how many transactions are folded already.';

--
-- Name: import_stage(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_stage(entity regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    execute format(
        'create temporary table if not exists staged_%s (place bigint generated always as identity primary key, '
        'source_key text not null, owner text, at text, %s) on commit delete rows',
        entity::text,
        (select string_agg(format(
            '%s %s', name, case when parent is not null or name = 'taggable_id' then 'text' else type end), ', ' order by place)
            from import_columns(entity)));
    -- Within a dry run nothing is committed between two parts.
    execute format('truncate staged_%s', entity::text);
end $$;

--
-- Name: FUNCTION import_stage(entity regclass); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_stage(entity regclass) IS 'Makes the temporary table that rows for a table come into, or empties it.';

--
-- Name: import_stored_media(text, bigint, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_stored_media(from_source text, after bigint, most integer) RETURNS TABLE(place bigint, storage_key text, sha256 text, size_bytes bigint)
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return query
    select s.place, m.storage_key, s.sha256, m.size_bytes
    from staged_media s
    join import_items i on i.source = from_source and i.entity = 'media' and i.source_key = s.source_key
    join media m on m.user_id = i.user_id and m.id = i.target_id
    where s.place > after
    order by s.place
    limit most;
end $$;

--
-- Name: FUNCTION import_stored_media(from_source text, after bigint, most integer); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_stored_media(from_source text, after bigint, most integer) IS 'Staged files that are here, with the object that each has.';

--
-- Name: import_tables(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_tables() RETURNS TABLE(name text, level integer)
    LANGUAGE sql STABLE
    AS $$
    with recursive reached_table as (
        select 'users'::regclass::oid as entity, 0 as level
        union
        select f.conrelid, r.level + 1
        from reached_table r
        join pg_constraint f on f.confrelid = r.entity and f.contype = 'f' and f.conrelid <> f.confrelid
            and f.conrelid <> all (import_unasked()))
    select c.relname::text, max(r.level)
    from reached_table r
    join pg_class c on c.oid = r.entity
    group by c.relname
    order by max(r.level), c.relname
$$;

--
-- Name: FUNCTION import_tables(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_tables() IS 'The tables with users'' rows that an import or its rollback looks at; level: a table comes after those that it refers to.';

--
-- Name: import_take_out_folded(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_take_out_folded(from_source text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    folded bigint;
begin
    -- `holdfast maintain` has folded these into a checkpoint, which has the number of the last of them.
    with folded_transaction as (
        delete from staged_credit_transactions s
        using import_items i
        where i.source = from_source and i.entity = 'credit_transactions' and i.source_key = s.source_key
          and not exists (
              select from credit_transactions t
              where t.user_id = i.user_id and t.seq = i.target_part::integer
                and (t.type <> 'checkpoint' or s.type = 'checkpoint'))
        returning s.owner),
    told as (
        insert into staged_reports (kind, entity, place, owner, rule, content)
        select 'merged', 'credit_transactions', owner, owner, 'folded', json_build_object('transactions', count(*))
        from folded_transaction
        group by owner
        order by owner)
    select count(*) into folded from folded_transaction;
    return folded;
end $$;

--
-- Name: FUNCTION import_take_out_folded(from_source text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_take_out_folded(from_source text) IS 'Takes out staged transactions that are folded into a checkpoint here. Returns how many.';

--
-- Name: import_unasked(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_unasked() RETURNS regclass[]
    LANGUAGE sql STABLE
    AS $$
    select array[
        'sessions', 'api_tokens', 'storage_use', 'media_links', 'media_thumbnails', 'import_items', 'import_reports',
        'pending_sign_ins', 'mail_tokens', 'outgoing_mails']::regclass[]
$$;

--
-- Name: FUNCTION import_unasked(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_unasked() IS 'The tables whose rows are no reason to keep an imported user: what an account has by itself, and what is made of a file.';

--
-- Name: import_undo(uuid, regclass, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_undo(run uuid, entity regclass, is_forced boolean) RETURNS TABLE(removed bigint, restored bigint, kept bigint)
    LANGUAGE plpgsql
    AS $_$
declare
    parts record;
    is_users constant boolean := entity = 'users'::regclass;
    has_user constant boolean := exists (
        select from pg_attribute where attrelid = entity and attname = 'user_id' and not attisdropped);
    -- What an account has by itself is no reason to keep it, nor is what is made of a file.
    unasked constant regclass[] := import_unasked();
    children text;
    own_children text;
    keys constant text := concat_ws(', ', case when has_user then 'user_id' end,
        (select string_agg(name, ', ') from import_keys(entity)));
    made_keys constant text := concat_ws(', ', case when has_user then 't.user_id' end,
        (select string_agg('t.' || name, ', ') from import_keys(entity)));
    -- Messages are numbered without a gap, and an account is the sum of its ledger: where the whole was changed here since, its
    -- parts stay with it.
    whole constant regclass := case entity
        when 'messages'::regclass then 'conversations' when 'credit_transactions'::regclass then 'credit_accounts' end;
    whole_parts record;
begin
    -- For touch().
    perform set_config('holdfast.is_import', 'on', true);
    -- Autovacuum may have looked at the table while the import filled it, and seen none of its rows. The planner, too, would
    -- think that it is empty, and compare each of a million with each other.
    if exists (select from import_items i where i.import_id = run and i.entity = import_undo.entity::text) then
        execute format('analyze %s', entity);
    end if;
    select * into parts from import_parts(entity, true);
    select * into whole_parts from import_parts(coalesce(whole, entity), true);
    select string_agg(format('exists (select from %s child where %s)', f.conrelid::regclass,
            case when is_users then 'child.user_id = t.id'
                else format('child.user_id = t.user_id and child.%I = t.id', a.attname) end), ' or ')
    into children
    from pg_constraint f
    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and (a.attname <> 'user_id') <> is_users
    where f.contype = 'f' and f.confrelid = entity and f.conrelid <> entity and f.conrelid <> all (unasked);
    -- A row that refers to one of its own table keeps it, too, unless it goes itself.
    select string_agg(format('child.%s = m.id', name), ' or ') into own_children
    from import_columns(entity) where parent = entity;
    return query execute format($statement$
        with recursive given as materialized (
            select i.source_key as import_key, i.user_id, i.target_id as import_target_id, i.target_part as import_target_part,
                i.mark as import_mark
            from import_items i
            where i.import_id = $1 and i.entity = %1$L and i.is_made),
        changed_whole as materialized (%13$s),
        made as materialized (
            select c.import_key, %2$s,
                not $2 and (%3$s <> c.import_mark or (%4$s) or %14$s) as is_kept
            from given c
            join %5$s t on %6$s),
        kept as (
            select import_key, %7$s from made where is_kept
            %8$s),
        -- By "except" and not by "not exists": the planner thinks that made has a handful of rows.
        going as materialized (
            select import_key, %7$s from made except select import_key, %7$s from kept),
        deleted as (
            delete from %5$s t using going m where (%9$s) = (%10$s)
            returning m.import_key),
        -- Once for all that ask: within a "not exists" of each item it would be looked for in each row, time and again.
        staying as materialized (
            select import_key from made except select import_key from deleted),
        told as (
            insert into import_reports (import_id, kind, entity, place, rule)
            select $1, 'kept', %1$L, import_key, 'changed_here' from staying),
        forgotten as (
            delete from import_items i
            where i.import_id = $1 and i.entity = %1$L
              and i.source_key not in (select import_key from staying)),
        back as materialized (
            select h.source, h.source_key as import_key, h.before, h.checksum, h.mark as import_mark, i.user_id,
                i.target_id as import_target_id, i.target_part as import_target_part
            from import_changes h
            join import_items i using (user_id, entity, source_key, source)
            where h.import_id = $1 and h.entity = %1$L),
        restored as (
            update %5$s t set %12$s
            from back c
            cross join lateral json_populate_record(null::%5$s, c.before) r
            where %6$s and ($2 or %3$s = c.import_mark)
            returning c.user_id, c.source, c.import_key, c.checksum, %3$s as import_mark),
        restored_item as (
            update import_items i set checksum = r.checksum, mark = r.import_mark
            from restored r
            where i.user_id = r.user_id and i.entity = %1$L and i.source_key = r.import_key and i.source = r.source),
        forgotten_change as (
            delete from import_changes h using restored r
            where h.import_id = $1 and h.user_id = r.user_id and h.entity = %1$L and h.source_key = r.import_key)
        select (select count(*) from deleted), (select count(*) from restored),
            (select count(*) from made) - (select count(*) from deleted)
                + (select count(*) from back) - (select count(*) from restored)
        $statement$,
        entity::text, made_keys, format(parts.mark, 't'), coalesce(children, 'false'), entity, parts.target, keys,
        case when own_children is null then '' else format(
            'union select %s from kept k join %s child on child.user_id = k.user_id and child.id = k.id '
            'join made m on m.user_id = child.user_id and (%s)',
            'm.import_key, m.user_id, m.id', entity, own_children) end,
        made_keys, replace(made_keys, 't.', 'm.'), null,
        (select string_agg(format('%1$s = r.%1$s', name), ', ' order by place)
            from import_columns(entity)
            where name not in (select k.name from import_keys(entity) k)
              and not (is_users and name = 'password_hash')),
        case when whole is null then 'select null' else format(
            'select t.* from (select i.user_id, i.target_id as import_target_id, i.target_part as import_target_part, i.mark '
            'from import_items i where i.entity = %1$L and i.is_made and (i.import_id = $1 or exists ('
            'select from import_changes h where h.import_id = $1 and h.source = i.source and h.entity = i.entity '
            'and h.source_key = i.source_key))) c '
            'join %1$s t on %2$s where %3$s <> c.mark',
            whole::text, whole_parts.target, format(whole_parts.mark, 't')) end,
        case entity
            when 'messages'::regclass then '(t.user_id, t.conversation_id) in (select user_id, id from changed_whole)'
            when 'credit_transactions'::regclass then 't.user_id in (select user_id from changed_whole)'
            else 'false' end)
    using run, is_forced;
end $_$;

--
-- Name: FUNCTION import_undo(run uuid, entity regclass, is_forced boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_undo(run uuid, entity regclass, is_forced boolean) IS 'Takes back what an import did to a table: deletes what it made, and puts back what it changed. Rows that were changed since, and those that others refer to, stay.';

--
-- Name: import_unfold(uuid, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.import_unfold(run uuid, is_forced boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    create temporary table if not exists import_unfolded (
        user_id uuid primary key, last_seq integer not null, available integer not null) on commit delete rows;
    delete from import_unfolded;
    -- Nobody spends, and nothing is folded, until the ledger is as it was.
    perform from credit_accounts a
    join import_items i using (user_id)
    left join import_changes h using (user_id, entity, source_key, source)
    where i.entity = 'credit_accounts' and i.is_made and run in (i.import_id, h.import_id)
    for update of a;
    insert into import_unfolded (user_id, last_seq, available)
    select distinct on (a.user_id)
        a.user_id, coalesce((h.before ->> 'last_seq')::integer, 0), coalesce((h.before ->> 'available')::integer, 0)
    from credit_accounts a
    join import_items i using (user_id)
    left join import_changes h
        on (h.user_id, h.entity, h.source_key, h.source) = (i.user_id, i.entity, i.source_key, i.source) and h.import_id = run
    where i.entity = 'credit_accounts' and i.is_made and run in (i.import_id, h.import_id)
      and (is_forced or hashtextextended(a::text, 0) = coalesce(h.mark, i.mark))
    order by a.user_id, h.mark;
    perform from credit_transactions t join import_unfolded u using (user_id) where t.seq > u.last_seq for update of t;
    delete from credit_transactions t
    using import_unfolded u
    where t.user_id = u.user_id and t.seq > u.last_seq
      and case when t.type = 'checkpoint' then u.last_seq = 0 else is_forced end;
    -- It has swallowed what was here before the run, too: that much of it stays.
    update credit_transactions t
    set seq = u.last_seq, amount = u.available, balance_after = u.available
    from import_unfolded u
    where t.user_id = u.user_id and t.seq > u.last_seq and t.type = 'checkpoint';
end $$;

--
-- Name: FUNCTION import_unfold(run uuid, is_forced boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.import_unfold(run uuid, is_forced boolean) IS 'Takes what a run brought out of the checkpoints of accounts that its rollback removes or puts back: maintenance has folded it. By force, also what was spent since.';

--
-- Name: imported_tasks(uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.imported_tasks(owner uuid, key text) RETURNS TABLE(id uuid)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select target_id
    from import_items
    where user_id = owner and entity = 'tasks'
      -- A number stands before the time of its row. The next character after @ is A.
      and (source_key = key or source_key > key || '@' and source_key < key || 'A')
$$;

--
-- Name: FUNCTION imported_tasks(owner uuid, key text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.imported_tasks(owner uuid, key text) IS 'The tasks of a user that had this id in the app that they came from: several, where two databases of it had it.';

--
-- Name: is_coordinator(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_coordinator() RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
    if to_regclass('pg_dist_local_group') is null then
        return true;
    end if;
    return (select groupid = 0 from pg_dist_local_group);
end $$;

--
-- Name: FUNCTION is_coordinator(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.is_coordinator() IS 'Whether this server is the one that the app talks to, and no worker of a cluster.';

--
-- Name: is_distributed(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_distributed() RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if to_regclass('pg_dist_partition') is null then
        return false;
    end if;
    return exists (
        select from pg_dist_partition where logicalrelid = 'users'::regclass and partmethod = 'n' and repmodel = 't');
end $$;

--
-- Name: FUNCTION is_distributed(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.is_distributed() IS 'Whether holdfast distribute has spread the tables over the workers of a Citus cluster.';

--
-- Name: is_set_of_weekdays(integer[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_set_of_weekdays(weekdays integer[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (weekdays = (SELECT array_agg(DISTINCT day.day ORDER BY day.day) AS array_agg FROM unnest(is_set_of_weekdays.weekdays) day(day) WHERE ((day.day >= 1) AND (day.day <= 7))));

--
-- Name: FUNCTION is_set_of_weekdays(weekdays integer[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.is_set_of_weekdays(weekdays integer[]) IS 'Whether these are days from 1 (Monday) to 7, in ascending order, each once: a set has one form. False or null for none.';

--
-- Name: is_shard(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_shard(entity regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if to_regproc('relation_is_a_known_shard') is null then
        return false;
    end if;
    return relation_is_a_known_shard(entity);
end $$;

--
-- Name: FUNCTION is_shard(entity regclass); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.is_shard(entity regclass) IS 'Whether a table is a part of one: the coordinator has shards of its own beside the tables.';

--
-- Name: keep_an_admin(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.keep_an_admin() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
declare
    has_another boolean;
begin
    perform pg_advisory_xact_lock(hashtext('users_last_admin'));
    if tg_table_name = 'users' then
        has_another := exists (select from users where role = 'admin' and is_active and id <> old.id);
    else
        execute format(
            'select exists (select from %s where role = ''admin'' and is_active and id <> $1)', tg_relid::regclass)
            into has_another using old.id;
    end if;
    if not has_another then
        raise check_violation using
            message = 'the last active admin stays one, by constraint "users_last_admin"', table = 'users',
            constraint = 'users_last_admin';
    end if;
    return coalesce(new, old);
end $_$;

--
-- Name: FUNCTION keep_an_admin(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.keep_an_admin() IS 'Refuses to demote, disable or delete the last active admin.';

--
-- Name: keep_goals_of_shard_shallow(regclass, text, uuid, uuid, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.keep_goals_of_shard_shallow(shard regclass, operation text, owner uuid, goal_id uuid, above_id uuid) RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    above integer;
    below integer := 0;
begin
    execute format(
        'with recursive reached_ancestor as (
            select $2 as id, 1 as level
            union all
            select parent.parent_id, r.level + 1
            from reached_ancestor r
            cross join lateral (select g.parent_id from %s g where g.user_id = $1 and g.id = r.id limit 1) parent
            where r.level < 100 and parent.parent_id is not null)
        select max(level) from reached_ancestor', shard)
        into above using owner, above_id;
    if operation = 'UPDATE' and above < 100 then
        execute format(
            'with recursive reached_goal as (
                select $2 as id, 0 as level
                union all
                select child.id, r.level + 1
                from reached_goal r
                cross join lateral (
                    select g.id from %s g where g.user_id = $1 and g.parent_id = r.id limit 10000) child
                where $3 + r.level < 100)
            select max(level) from (select level from reached_goal limit 10000) counted', shard)
            into below using owner, goal_id, above;
    end if;
    if above + 1 + below > 100 then
        raise check_violation using
            message = 'a goal is too deep, by constraint "goals_depth"', table = 'goals', constraint = 'goals_depth';
    end if;
end $_$;

--
-- Name: FUNCTION keep_goals_of_shard_shallow(shard regclass, operation text, owner uuid, goal_id uuid, above_id uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.keep_goals_of_shard_shallow(shard regclass, operation text, owner uuid, goal_id uuid, above_id uuid) IS 'keep_goals_shallow() in a cluster.';

--
-- Name: keep_goals_shallow(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.keep_goals_shallow() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    above integer;
    below integer := 0;
begin
    if tg_table_name <> 'goals' then
        perform keep_goals_of_shard_shallow(tg_relid, tg_op, new.user_id, new.id, new.parent_id);
        return new;
    end if;
    with recursive reached_ancestor as (
        select new.parent_id as id, 1 as level
        union all
        select parent.parent_id, r.level + 1
        from reached_ancestor r
        cross join lateral (
            select g.parent_id from goals g where g.user_id = new.user_id and g.id = r.id limit 1) parent
        where r.level < 100 and parent.parent_id is not null)
    select max(level) into above from reached_ancestor;
    if tg_op = 'UPDATE' and above < 100 then
        with recursive reached_goal as (
            select new.id as id, 0 as level
            union all
            select child.id, r.level + 1
            from reached_goal r
            cross join lateral (
                select g.id from goals g where g.user_id = new.user_id and g.parent_id = r.id limit 10000) child
            where above + r.level < 100)
        select max(level) into below from (select level from reached_goal limit 10000) counted;
    end if;
    if above + 1 + below > 100 then
        raise check_violation using
            message = 'a goal is too deep, by constraint "goals_depth"', table = 'goals', constraint = 'goals_depth';
    end if;
    return new;
end $$;

--
-- Name: FUNCTION keep_goals_shallow(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.keep_goals_shallow() IS 'Refuses a goal below the 100th level.';

--
-- Name: stage_text(json); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.stage_text(stage json) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT string_agg((part.value #>> '{}'::text[]), chr(10)) AS string_agg FROM (SELECT stage_text.stage AS value WHERE (json_typeof(stage_text.stage) = 'string'::text) UNION ALL SELECT json_each.value FROM json_each(CASE json_typeof(stage_text.stage) WHEN 'object'::text THEN stage_text.stage ELSE NULL::json END) json_each(key, value) UNION ALL SELECT COALESCE(field.value, item.value) AS "coalesce" FROM (json_array_elements(CASE json_typeof(stage_text.stage) WHEN 'array'::text THEN stage_text.stage ELSE NULL::json END) item(value) LEFT JOIN LATERAL json_each(CASE json_typeof(item.value) WHEN 'object'::text THEN item.value ELSE NULL::json END) field(key, value) ON (true))) part WHERE (json_typeof(part.value) = ANY (ARRAY['string'::text, 'array'::text, 'object'::text])));

--
-- Name: FUNCTION stage_text(stage json); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.stage_text(stage json) IS 'The texts of a stage of a message; null: there is none.';

--
-- Name: message_text(text, json, json, json); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.message_text(content text, stage1 json, stage2 json, stage3 json) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN "left"((((COALESCE(content, ''::text) || COALESCE((chr(10) || public.stage_text(stage3)), ''::text)) || COALESCE((chr(10) || public.stage_text(stage1)), ''::text)) || COALESCE((chr(10) || public.stage_text(stage2)), ''::text)), 100000);

--
-- Name: FUNCTION message_text(content text, stage1 json, stage2 json, stage3 json); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.message_text(content text, stage1 json, stage2 json, stage3 json) IS 'What is searched, and shown, of a message: the first 100,000 characters of its texts.';

--
-- Name: new_id(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.new_id(at timestamp with time zone DEFAULT clock_timestamp()) RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    RETURN (encode(OVERLAY(OVERLAY(uuid_send(gen_random_uuid()) PLACING SUBSTRING(int8send((floor((EXTRACT(epoch FROM GREATEST(LEAST(at, '9999-12-31 00:00:00+00'::timestamp with time zone), '1970-01-01 00:00:00+00'::timestamp with time zone)) * (1000)::numeric)))::bigint) FROM 3) FROM 1 FOR 6) PLACING int2send(((28672 + CASE WHEN isfinite(at) THEN ((((EXTRACT(microseconds FROM at))::bigint % (1000)::bigint) * 4096) / 1000) ELSE (0)::bigint END))::smallint) FROM 7 FOR 2), 'hex'::text))::uuid;

--
-- Name: FUNCTION new_id(at timestamp with time zone); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.new_id(at timestamp with time zone) IS 'A time-ordered id (UUID version 7). Imports pass the original creation time, so that old rows sort as old.';

--
-- Name: new_version(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.new_version() RETURNS bigint
    LANGUAGE sql PARALLEL SAFE
    RETURN ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint;

--
-- Name: FUNCTION new_version(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.new_version() IS 'The version of a row that is made or changed now: microseconds since 1970. Not now(): it repeats within a transaction.';

--
-- Name: normal_login(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.normal_login(login text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN NORMALIZE(lower(NORMALIZE(login, NFC)), NFC);

--
-- Name: FUNCTION normal_login(login text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.normal_login(login text) IS 'The one form in which e-mail addresses and user names are compared: Unicode NFC, in lower case.';

--
-- Name: notify_caller_changed(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.notify_caller_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_table_name in ('users', 'identities') or is_coordinator() then
        perform pg_notify('tokens_ended', '');
    end if;
    return null;
end $$;

--
-- Name: FUNCTION notify_caller_changed(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.notify_caller_changed() IS 'Tells every worker to forget all callers: rare, and a cache is small.';

--
-- Name: notify_token_ended(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.notify_token_ended() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('tokens_ended', encode(old.token_hash, 'hex'));
    return null;
end $$;

--
-- Name: FUNCTION notify_token_ended(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.notify_token_ended() IS 'Tells every worker to forget the caller of a token, named by its hash.';

--
-- Name: owner_key(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.owner_key(user_id uuid) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN encode(SUBSTRING(uuid_send(user_id) FROM 14), 'base64'::text);

--
-- Name: FUNCTION owner_key(user_id uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.owner_key(user_id uuid) IS 'What the words of a user begin with in the indexes of words.';

--
-- Name: own_query(uuid, tsquery); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.own_query(user_id uuid, words tsquery) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (CASE querytree(words) WHEN 'T'::text THEN quote_literal(public.owner_key(user_id)) ELSE regexp_replace(regexp_replace(querytree(words), ' <(-|\d+)> '::text, ' & '::text, 'g'::text), '(^|[ (])'''::text, ('\1'''::text || public.owner_key(user_id)), 'g'::text) END)::tsquery;

--
-- Name: FUNCTION own_query(user_id uuid, words tsquery); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.own_query(user_id uuid, words tsquery) IS 'What an index of own_words() is asked for a search: more than it finds, nothing less.';

--
-- Name: own_words(uuid, tsvector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.own_words(user_id uuid, search tsvector) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_to_tsvector(ARRAY(SELECT public.owner_key(own_words.user_id) AS owner_key UNION ALL SELECT (public.owner_key(own_words.user_id) || "left"(word.word, 500)) FROM unnest(tsvector_to_array(own_words.search)) word(word)));

--
-- Name: FUNCTION own_words(user_id uuid, search tsvector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.own_words(user_id uuid, search tsvector) IS 'The words of a row as its index has them: each with its owner''s key, and that key alone.';

--
-- Name: placed_tables(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.placed_tables() RETURNS TABLE(entity regclass, placement text, is_placed boolean, bytes bigint)
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if not is_distributed() then
        return query
            select p.entity, p.placement, p.placement = 'coordinator', pg_total_relation_size(p.entity)
            from table_placements() p;
        return;
    end if;
    return query
        select p.entity, p.placement,
            p.placement = case
                when d.partmethod = 'h' and d.colocationid = tasks.colocationid then 'by user'
                when d.repmodel = 't' then 'everywhere'
                else 'coordinator'
            end,
            case
                when d.logicalrelid is null then pg_total_relation_size(p.entity)
                else coalesce(citus_total_relation_size(p.entity, fail_on_error => false), 0)
            end
        from table_placements() p
        left join pg_dist_partition d on d.logicalrelid = p.entity
        left join pg_dist_partition tasks on tasks.logicalrelid = 'tasks'::regclass;
end $$;

--
-- Name: FUNCTION placed_tables(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.placed_tables() IS 'Where each table belongs, whether it is there, and its bytes. One that belongs by user and is not there was forgotten.';

--
-- Name: reaches_target(numeric, boolean, numeric); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.reaches_target(value numeric, skipped boolean, target_value numeric) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(((NOT skipped) AND CASE WHEN (target_value IS NULL) THEN (value > (0)::numeric) ELSE (value >= target_value) END), false);

--
-- Name: FUNCTION reaches_target(value numeric, skipped boolean, target_value numeric); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.reaches_target(value numeric, skipped boolean, target_value numeric) IS 'Whether an entry of a numeric habit is completed, where that is not said; no target: by any value above 0.';

--
-- Name: remember_deleted_media(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.remember_deleted_media() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
begin
    if tg_table_name in ('media', 'media_thumbnails') then
        insert into media_deletions (storage_key) values (old.storage_key) on conflict (storage_key) do nothing;
    else
        -- The shard of this user's rows, which lies on the same worker.
        execute format(
            'insert into deleted_objects_%s (user_id, storage_key) values ($1, $2) on conflict do nothing',
            (select beside.shardid
            from pg_dist_shard mine
            join pg_dist_shard beside
                on beside.logicalrelid = 'deleted_objects'::regclass and beside.shardminvalue = mine.shardminvalue
            where mine.shardid = substring(tg_table_name from '[0-9]+$')::bigint))
            using old.user_id, old.storage_key;
    end if;
    return null;
end $_$;

--
-- Name: FUNCTION remember_deleted_media(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.remember_deleted_media() IS 'Writes down which object lost its row, for maintain to delete.';

--
-- Name: rfc3339(time without time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.rfc3339(at time without time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN replace(to_char((at)::interval, 'HH24:MI:SS.US'::text), '.000000'::text, ''::text);

--
-- Name: FUNCTION rfc3339(at time without time zone); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.rfc3339(at time without time zone) IS 'A time of day as the API writes it.';

--
-- Name: rfc3339(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.rfc3339(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN replace(to_char((at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text), '.000000Z'::text, 'Z'::text);

--
-- Name: FUNCTION rfc3339(at timestamp with time zone); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.rfc3339(at timestamp with time zone) IS 'A time as the API writes it.';

--
-- Name: search_words(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.search_words(q text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT array_agg(longest.lexeme) AS array_agg FROM (SELECT word.lexeme FROM unnest(to_tsvector('simple'::regconfig, search_words.q)) word(lexeme, positions, weights) ORDER BY (char_length(word.lexeme)) DESC, word.lexeme LIMIT 5) longest);

--
-- Name: FUNCTION search_words(q text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.search_words(q text) IS 'The longest words of a search, five at most: what ranking and showing look at.';

--
-- Name: set_options_of_shards(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.set_options_of_shards() RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    given record;
begin
    for given in
        select p.entity, a.attname as name, array_to_string(a.attoptions, ', ') as options
        from table_placements() p
        join pg_attribute a on a.attrelid = p.entity and a.attoptions is not null
        where p.placement = 'by user'
    loop
        if exists (
            select from run_command_on_shards(
                given.entity, format('alter table %%s alter column %I set (%s)', given.name, given.options)) r
            where not r.success) then
            raise exception 'the options of the shards of % could not be set', given.entity;
        end if;
    end loop;
end $$;

--
-- Name: FUNCTION set_options_of_shards(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.set_options_of_shards() IS 'Gives the shards what a migration has told the planner about columns: Citus does not, nor where a shard is moved.';

--
-- Name: shard_beside(regclass, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.shard_beside(entity regclass, owner uuid) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
declare
    shard constant text := format('%s_%s', entity, get_shard_id_for_distribution_column(entity, owner));
begin
    return case when to_regclass(shard) is null then entity::text else shard end;
end $$;

--
-- Name: FUNCTION shard_beside(entity regclass, owner uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.shard_beside(entity regclass, owner uuid) IS 'In a cluster: the shard of a table that has a user''s rows, on the worker where it is; elsewhere the table.';

--
-- Name: snippet(text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.snippet(body text, q text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT ts_headline('simple'::regconfig, replace(replace(replace(replace(substr(snippet.body, GREATEST(1, (found.place - 200)), 1000), '&'::text, '&amp;'::text), '<'::text, '&lt;'::text), '>'::text, '&gt;'::text), '"'::text, '&quot;'::text), CASE WHEN (numnode(words.words) < 8) THEN words.words ELSE public.any_word(snippet.q) END, 'StartSel=<mark>, StopSel=</mark>, MaxWords=30, MinWords=15'::text) AS ts_headline FROM (COALESCE(public.search_query(snippet.q), websearch_to_tsquery('simple'::regconfig, snippet.q)) words(words) CROSS JOIN (SELECT max(COALESCE(NULLIF(strpos(whole.lowered, (' '::text || word.word)), 0), strpos(whole.lowered, word.word))) AS place FROM ((SELECT (' '::text || replace(lower(snippet.body), chr(10), ' '::text)) AS lowered OFFSET 0) whole CROSS JOIN unnest(public.search_words(snippet.q)) word(word))) found));

--
-- Name: FUNCTION snippet(body text, q text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.snippet(body text, q text) IS 'The part of a text that a search shows, as HTML whose only tags are <mark>.';

--
-- Name: stored_bytes(uuid, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.stored_bytes(owner uuid, most integer, OUT stored_bytes bigint, OUT is_complete boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $_$
declare
    counted text;
begin
    select string_agg(each.statement, ' union all ')
    into counted
    from (
        select format(
            'select count(*) as n, sum(size) as size from (select 32 + %s%s as size from %s where user_id = $1 limit $2) r',
            sum(greatest(a.attlen, 0)),
            string_agg(case when a.attlen < 0 then format(' + coalesce(pg_column_size(%I), 0)', a.attname) end, ''),
            c.conrelid::regclass) as statement
        from pg_constraint c
        join pg_attribute k on k.attrelid = c.conrelid and c.conkey = array[k.attnum] and k.attname = 'user_id'
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum > 0 and not a.attisdropped
            and a.attgenerated <> 'v'
        where c.contype = 'f' and c.confrelid = 'users'::regclass
        group by c.conrelid) each;
    execute 'select coalesce(sum(size), 0)::bigint, max(n) < $2 from (' || counted || ') tables'
    into stored_bytes, is_complete
    using owner, most;
end $_$;

--
-- Name: FUNCTION stored_bytes(owner uuid, most integer, OUT stored_bytes bigint, OUT is_complete boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.stored_bytes(owner uuid, most integer, OUT stored_bytes bigint, OUT is_complete boolean) IS 'The bytes of all rows of a user, and whether no table has more than the so many rows of the user that it looks at.';

--
-- Name: table_comments(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.table_comments() RETURNS text[]
    LANGUAGE sql STABLE
    AS $_$
select coalesce(array_agg(format(
    case
        when d.objsubid > 0 then 'comment on column %1$I.%2$I is %3$L'
        when c.relkind = 'v' then 'comment on view %1$I is %3$L'
        else 'comment on table %1$I is %3$L'
    end,
    c.relname, a.attname, d.description)), '{}')
from pg_description d
join pg_class c on c.oid = d.objoid and c.relkind in ('r', 'v')
left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
where d.classoid = 'pg_class'::regclass and c.relnamespace = current_schema()::regnamespace
$_$;

--
-- Name: FUNCTION table_comments(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.table_comments() IS 'The statements that write the comments of tables and views again: Citus makes them anew, without.';

--
-- Name: table_placements(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.table_placements() RETURNS TABLE(entity regclass, placement text)
    LANGUAGE sql STABLE
    AS $$
-- A key that must be unique is unique shard by shard: without user_id in it, it would not be, and the table stays.
with recursive listed_table as (
    select c.oid as entity,
        exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id' and a.attnotnull)
            and not exists (
                select from pg_index i
                where i.indrelid = c.oid
                  and i.indisunique
                  and not exists (
                      select from pg_attribute a
                      where a.attrelid = c.oid and a.attname = 'user_id' and a.attnum = any (i.indkey::smallint[])))
            as is_by_user
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and not is_shard(c.oid)),
-- What points at a table that stays, stays with it. What a user stores is looked up together with the user's token: were it on
-- the workers, nobody would get in while one of them is away.
staying_table as (
    select entity
    from listed_table
    where not is_by_user and entity <> 'users'::regclass or entity = to_regclass('storage_use')
    union
    select c.conrelid from staying_table s join pg_constraint c on c.contype = 'f' and c.confrelid = s.entity)
select t.entity::regclass,
    case
        when t.entity = 'users'::regclass then 'everywhere'
        when s.entity is null then 'by user'
        else 'coordinator'
    end
from listed_table t
left join staying_table s on s.entity = t.entity
order by t.entity::regclass::text
$$;

--
-- Name: FUNCTION table_placements(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.table_placements() IS 'Where the rows of a table belong in a cluster: everywhere (users), by user (on one worker), or on the coordinator.';

--
-- Name: table_sizes(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.table_sizes() RETURNS TABLE(entity regclass, bytes_of_rows bigint, bytes_of_indexes bigint)
    LANGUAGE plpgsql STABLE
    AS $$
begin
    if not is_distributed() then
        return query
            select c.oid::regclass, pg_table_size(c.oid), pg_indexes_size(c.oid)
            from pg_class c
            where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace;
        return;
    end if;
    return query
        select s.entity, s.bytes_of_rows, s.bytes_in_all - s.bytes_of_rows
        from (
            select c.oid::regclass as entity,
                case when d.logicalrelid is null then pg_table_size(c.oid) else citus_table_size(c.oid) end as bytes_of_rows,
                case
                    when d.logicalrelid is null then pg_total_relation_size(c.oid)
                    else citus_total_relation_size(c.oid)
                end as bytes_in_all
            from pg_class c
            left join pg_dist_partition d on d.logicalrelid = c.oid
            where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace) s;
end $$;

--
-- Name: FUNCTION table_sizes(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.table_sizes() IS 'The bytes of each table, by its files: of its rows with what is stored beside them, and of its indexes; in a cluster on all servers.';

--
-- Name: tagged(uuid, text, text[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tagged(owner uuid, kind text, slugs text[]) RETURNS TABLE(id uuid)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    -- In the order of the primary key, which has the links of a tag together: they are not looked for by the key of rows.
    select g.taggable_id
    from tags t
    cross join lateral (
        select taggable_id
        from taggings
        where user_id = owner and tag_id = t.id and taggable_type = kind
        order by id
        offset 0) g
    where t.user_id = owner and t.slug = any (slugs)
    group by g.taggable_id
    having count(*) = cardinality(slugs)
$$;

--
-- Name: FUNCTION tagged(owner uuid, kind text, slugs text[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.tagged(owner uuid, kind text, slugs text[]) IS 'The rows of a user that carry all of some tags, which are named by different slugs.';

--
-- Name: tags_of(uuid, text, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tags_of(owner uuid, kind text, carrier uuid) RETURNS TABLE(id uuid, name text, slug text, category text, color text)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select t.id, t.name, t.slug, t.category, t.color
    from taggings g
    join tags t on t.user_id = g.user_id and t.id = g.tag_id
    where g.user_id = owner and g.taggable_id = carrier and g.taggable_type = kind
    order by t.name, t.id
    limit 100
$$;

--
-- Name: FUNCTION tags_of(owner uuid, kind text, carrier uuid); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.tags_of(owner uuid, kind text, carrier uuid) IS 'The tags that a row of a user carries, the first 100 by name.';

--
-- Name: touch(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    has_search constant boolean := tg_nargs = 1 and tg_argv[0] = 'search';
begin
    -- The words of a text are gathered after this, so that NEW has none yet: without those of OLD the rows differ only in what
    -- was changed.
    if has_search then
        old.search := null;
    end if;
    -- The rows are compared as they are stored. jsonb would write out all texts twice, unfold what json columns hold, and
    -- refuse U+0000: only small rows without documents have other columns to leave out.
    if (case when tg_nargs = 0 or has_search then old *<> new
            else to_jsonb(old) - tg_argv is distinct from to_jsonb(new) - tg_argv end) then
        if current_setting('holdfast.is_carried', true) = 'on' then
            return new;
        end if;
        new.version := greatest(old.version + 1, new_version());
        -- An import writes the time that its source has, also where a row changes there without another one.
        if new.updated_at is not distinct from old.updated_at
            and current_setting('holdfast.is_import', true) is distinct from 'on' then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

--
-- Name: FUNCTION touch(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.touch() IS 'Sets version and updated_at when a row really changes; an explicitly changed updated_at (an import) is kept.';

--
-- Name: touch_user(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.touch_user() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    apart constant text[] := array['updated_at', 'last_login_at', 'password_hash', 'is_verified'];
    is_import constant boolean := coalesce(current_setting('holdfast.is_import', true), '') = 'on';
begin
    if current_setting('holdfast.is_carried', true) = 'on' then
        return new;
    end if;
    if to_jsonb(old) - apart is not distinct from to_jsonb(new) - apart
        and (new.updated_at = old.updated_at or new.updated_at > old.updated_at and not is_import) then
        new.updated_at := old.updated_at;
        return new;
    end if;
    if is_import then
        new.version := greatest(old.version + 1, new_version());
        return new;
    end if;
    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;
    new.version := greatest(old.version + 1, (extract(epoch from new.updated_at) * 1000000)::bigint);
    return new;
end $$;

--
-- Name: FUNCTION touch_user(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.touch_user() IS 'touch() for users: version comes from the time that the statement gives, on all servers.';

--
-- Name: undistribute_tables(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.undistribute_tables() RETURNS void
    LANGUAGE plpgsql
    AS $_$
declare
    remembered record;
    left_over regclass;
    comments constant text[] := table_comments();
    options constant text[] := array(
        select format('alter table %s alter column %I set (%s)', p.entity, a.attname, array_to_string(a.attoptions, ', '))
        from table_placements() p
        join pg_attribute a on a.attrelid = p.entity and a.attoptions is not null);
    lost text;
begin
    -- With each come all that are tied to it by foreign keys: with users nearly all.
    perform undistribute_table('users', cascade_via_foreign_keys => true);
    loop
        left_over := (select min(logicalrelid::text) from pg_dist_partition);
        exit when left_over is null;
        perform undistribute_table(left_over, cascade_via_foreign_keys => true);
    end loop;
    foreach lost in array comments || options loop
        execute lost;
    end loop;
    -- From PostgreSQL 18 on these have names, and here those of tables that were made in between.
    for remembered in
        select conrelid::regclass as entity, conname as name, format('%s_%s_not_null', c.relname, a.attname) as wanted
        from pg_constraint
        join pg_class c on c.oid = conrelid and c.relnamespace = current_schema()::regnamespace
        join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
        where contype = 'n' and conname ~ '_[0-9]+_.*_not_null$'
    loop
        execute format('alter table %s rename constraint %I to %I', remembered.entity, remembered.name, remembered.wanted);
    end loop;
    execute format('alter database %I reset citus.enable_unsafe_triggers', current_database());
    execute format('alter database %I reset citus.multi_shard_modify_mode', current_database());
end $_$;

--
-- Name: FUNCTION undistribute_tables(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.undistribute_tables() IS 'Brings all rows back to the coordinator, into plain tables.';

--
-- Name: use_functions_of_shards(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.use_functions_of_shards() RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
    create or replace function tagged(owner uuid, kind text, slugs text[]) returns table (id uuid)
    language plpgsql stable as $$
    begin
        return query execute format(
            'select g.taggable_id
            from %2$s t
            cross join lateral (
                select taggable_id
                from %1$s
                where user_id = $1 and tag_id = t.id and taggable_type = $2
                order by id
                offset 0) g
            where t.user_id = $1 and t.slug = any ($3)
            group by g.taggable_id
            having count(*) = cardinality($3)',
            shard_beside('taggings', owner), shard_beside('tags', owner))
            using owner, kind, slugs;
    end $$;

    create or replace function tags_of(owner uuid, kind text, carrier uuid)
    returns table (id uuid, name text, slug text, category text, color text)
    language plpgsql stable as $$
    begin
        return query execute format(
            'select t.id, t.name, t.slug, t.category, t.color
            from %1$s g
            join %2$s t on t.user_id = g.user_id and t.id = g.tag_id
            where g.user_id = $1 and g.taggable_id = $3 and g.taggable_type = $2
            order by t.name, t.id
            limit 100',
            shard_beside('taggings', owner), shard_beside('tags', owner))
            using owner, kind, carrier;
    end $$;
end $_$;

--
-- Name: FUNCTION use_functions_of_shards(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.use_functions_of_shards() IS 'Has functions that statements of users call look for the shards, in a cluster.';

--
-- Name: use_functions_of_tables(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.use_functions_of_tables() RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
    create or replace function tagged(owner uuid, kind text, slugs text[]) returns table (id uuid)
    language sql stable parallel safe as $$
    -- In the order of the primary key, which has the links of a tag together: they are not looked for by the key of rows.
    select g.taggable_id
    from tags t
    cross join lateral (
        select taggable_id
        from taggings
        where user_id = owner and tag_id = t.id and taggable_type = kind
        order by id
        offset 0) g
    where t.user_id = owner and t.slug = any (slugs)
    group by g.taggable_id
    having count(*) = cardinality(slugs)
$$;

    create or replace function tags_of(owner uuid, kind text, carrier uuid)
    returns table (id uuid, name text, slug text, category text, color text)
    language sql stable parallel safe as $$
    select t.id, t.name, t.slug, t.category, t.color
    from taggings g
    join tags t on t.user_id = g.user_id and t.id = g.tag_id
    where g.user_id = owner and g.taggable_id = carrier and g.taggable_type = kind
    order by t.name, t.id
    limit 100
$$;
end $_$;

--
-- Name: FUNCTION use_functions_of_tables(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.use_functions_of_tables() IS 'Takes back what use_functions_of_shards() did.';

--
-- Name: version_for_put(boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.version_for_put(may_replace boolean) RETURNS bigint
    LANGUAGE sql PARALLEL SAFE
    RETURN ((public.new_version() & (~ (1)::bigint)) | ((may_replace)::integer)::bigint);

--
-- Name: FUNCTION version_for_put(may_replace boolean); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.version_for_put(may_replace boolean) IS 'The version of a row that a put proposes. It is odd where the row may replace one that another put has made meanwhile.';

--
-- Name: walked_rows(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.walked_rows() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 10000;

--
-- Name: FUNCTION walked_rows(); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.walked_rows() IS 'How many rows a page of a list may look at, for those that its filters want.';

--
-- Name: with_tags(json, json); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.with_tags(item json, tags json) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((("left"((item)::text, '-1'::integer) || ',"tags":'::text) || (COALESCE(tags, '[]'::json))::text) || '}'::text);

--
-- Name: FUNCTION with_tags(item json, tags json); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.with_tags(item json, tags json) IS 'The JSON of a row, with its tags as one member more.';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: api_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_tokens (
    token_hash bytea NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    last_characters text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    CONSTRAINT api_tokens_expires_later CHECK ((expires_at > created_at)),
    CONSTRAINT api_tokens_last_characters_length CHECK ((char_length(last_characters) = 8)),
    CONSTRAINT api_tokens_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT api_tokens_name_not_blank CHECK ((name ~ '[^[:space:]]'::text)),
    CONSTRAINT api_tokens_scopes_some CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 50))),
    CONSTRAINT api_tokens_token_hash_length CHECK ((octet_length(token_hash) = 32))
);

--
-- Name: TABLE api_tokens; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.api_tokens IS 'Tokens for programs: named, narrowed by scopes, ended by their owner or by time.';

--
-- Name: COLUMN api_tokens.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.token_hash IS 'SHA-256 of the token, which is shown once and never stored.';

--
-- Name: COLUMN api_tokens.scopes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.scopes IS 'What the token may do: read, write, or <resource>:read and <resource>:write.';

--
-- Name: COLUMN api_tokens.last_characters; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.last_characters IS 'The end of the token, so that its owner recognises it.';

--
-- Name: COLUMN api_tokens.last_used_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.last_used_at IS 'Written at most hourly.';

--
-- Name: COLUMN api_tokens.expires_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_tokens.expires_at IS 'Null: never.';

--
-- Name: audit_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events (
    id uuid DEFAULT public.new_id() NOT NULL,
    actor_id uuid NOT NULL,
    acting_for uuid,
    action text NOT NULL,
    target text,
    detail jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT audit_events_action_length CHECK (((char_length(action) >= 1) AND (char_length(action) <= 200))),
    CONSTRAINT audit_events_target_length CHECK ((char_length(target) <= 2000))
);

--
-- Name: TABLE audit_events; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.audit_events IS 'What admins and services did. Append-only, written before the act: so there is no act without its row.';

--
-- Name: COLUMN audit_events.actor_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.audit_events.actor_id IS 'Whose token it was. No foreign key: the row outlives the account.';

--
-- Name: COLUMN audit_events.acting_for; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.audit_events.acting_for IS 'For which user a service acted. No foreign key, as actor_id.';

--
-- Name: COLUMN audit_events.action; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.audit_events.action IS 'Method and route, such as PATCH /v1/admin/users/{id}.';

--
-- Name: COLUMN audit_events.target; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.audit_events.target IS 'The path that was asked for.';

--
-- Name: COLUMN audit_events.detail; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.audit_events.detail IS 'The request id, by which the log tells how it ended.';

--
-- Name: backups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.backups (
    name text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    size_bytes bigint NOT NULL,
    is_encrypted boolean NOT NULL,
    is_verified boolean NOT NULL,
    verified_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: TABLE backups; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.backups IS 'The backups that were made of this database, for doctor and metrics; where they lie says what there is.';

--
-- Name: COLUMN backups.size_bytes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.backups.size_bytes IS 'Of all its files, those that it shares with other backups included.';

--
-- Name: COLUMN backups.verified_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.backups.verified_at IS 'When it was last tried, or made where it was not.';

--
-- Name: blog_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.blog_entries (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    title text NOT NULL,
    content text NOT NULL,
    excerpt text,
    slug text NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    is_featured boolean DEFAULT false NOT NULL,
    published_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    is_public boolean DEFAULT false NOT NULL,
    view_count bigint DEFAULT 0 NOT NULL,
    search tsvector NOT NULL,
    CONSTRAINT blog_entries_content_length CHECK (((char_length(content) >= 1) AND (char_length(content) <= 200000))),
    CONSTRAINT blog_entries_excerpt_length CHECK ((char_length(excerpt) <= 2000)),
    CONSTRAINT blog_entries_published_at_status CHECK (((status = 'published'::text) = (published_at IS NOT NULL))),
    CONSTRAINT blog_entries_slug_form CHECK (((slug ~ '^[^[:space:]/?#%]+$'::text) AND (char_length(slug) <= 300))),
    CONSTRAINT blog_entries_status_known CHECK ((status = ANY (ARRAY['draft'::text, 'published'::text, 'archived'::text]))),
    CONSTRAINT blog_entries_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 500))),
    CONSTRAINT blog_entries_title_not_blank CHECK ((title ~ '[^[:space:]]'::text)),
    CONSTRAINT blog_entries_view_count_range CHECK ((view_count >= 0))
);

--
-- Name: TABLE blog_entries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.blog_entries IS 'The journal''s longer texts: drafts, published, archived.';

--
-- Name: COLUMN blog_entries.slug; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.blog_entries.slug IS 'The address made from the title, unique for the user; it stays when the title changes.';

--
-- Name: COLUMN blog_entries.published_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.blog_entries.published_at IS 'Set exactly when status is published.';

--
-- Name: COLUMN blog_entries.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.blog_entries.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN blog_entries.is_public; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.blog_entries.is_public IS 'Anybody may read it while it is published, without a token.';

--
-- Name: COLUMN blog_entries.view_count; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.blog_entries.view_count IS 'How often it was read at its public address. Outside of version and updated_at; written about once a minute.';

--
-- Name: COLUMN blog_entries.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.blog_entries.search IS 'Words of title, excerpt and the first 130,000 characters of content.';

--
-- Name: consent_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.consent_events (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    terms_accepted boolean NOT NULL,
    terms_version text,
    marketing_consent boolean NOT NULL,
    source text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT consent_events_source_length CHECK (((char_length(source) >= 1) AND (char_length(source) <= 100))),
    CONSTRAINT consent_events_terms_version_length CHECK (((char_length(terms_version) >= 1) AND (char_length(terms_version) <= 100))),
    CONSTRAINT consent_events_terms_version_needed CHECK (((terms_version IS NOT NULL) OR (NOT terms_accepted)))
);

--
-- Name: TABLE consent_events; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.consent_events IS 'What a user agreed to, and when they took it back. Append-only; the current consent is the newest.';

--
-- Name: COLUMN consent_events.terms_version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.consent_events.terms_version IS 'Which terms it is about; never null when they were accepted.';

--
-- Name: COLUMN consent_events.source; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.consent_events.source IS 'Where it was said: web, ios, import, ...';

--
-- Name: conversations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.conversations (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    title text DEFAULT 'New Conversation'::text NOT NULL,
    is_archived boolean DEFAULT false NOT NULL,
    last_seq integer DEFAULT 0 NOT NULL,
    last_activity_at timestamp with time zone DEFAULT now() NOT NULL,
    extra json,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    saves integer DEFAULT 0 NOT NULL,
    search tsvector NOT NULL,
    CONSTRAINT conversations_last_seq_range CHECK ((last_seq >= 0)),
    CONSTRAINT conversations_saves_range CHECK ((saves >= 0)),
    CONSTRAINT conversations_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 500))),
    CONSTRAINT conversations_title_not_blank CHECK ((title ~ '[^[:space:]]'::text))
);

--
-- Name: TABLE conversations; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.conversations IS 'A user''s conversations with assistants. The id may be any UUID, chosen by the client: the order is that of activity.';

--
-- Name: COLUMN conversations.last_seq; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.conversations.last_seq IS 'The number of the newest message: the row''s lock is the sequence, so that it has no gaps.';

--
-- Name: COLUMN conversations.extra; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.conversations.extra IS 'What an imported file said that no column holds.';

--
-- Name: COLUMN conversations.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.conversations.version IS 'Microseconds since 1970 of its last real change, new messages too; it never repeats. The API''s ETag.';

--
-- Name: COLUMN conversations.saves; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.conversations.saves IS 'Counts the saves of the whole conversation that changed its messages; adding one is none.';

--
-- Name: COLUMN conversations.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.conversations.search IS 'Words of the title.';

--
-- Name: credit_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.credit_accounts (
    user_id uuid NOT NULL,
    available integer NOT NULL,
    max_credits integer NOT NULL,
    last_seq integer DEFAULT 0 NOT NULL,
    last_reset_at timestamp with time zone DEFAULT now() NOT NULL,
    reset_hours integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credit_accounts_available_range CHECK ((available >= 0)),
    CONSTRAINT credit_accounts_last_seq_range CHECK ((last_seq >= 0)),
    CONSTRAINT credit_accounts_max_credits_range CHECK ((max_credits > 0)),
    CONSTRAINT credit_accounts_reset_hours_range CHECK ((reset_hours > 0))
);

--
-- Name: TABLE credit_accounts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.credit_accounts IS 'What a user may still spend; made at first touch. Its row lock is what makes concurrent spending right.';

--
-- Name: COLUMN credit_accounts.available; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_accounts.available IS 'Always the sum of the account''s transactions: holdfast verify-ledger proves it.';

--
-- Name: COLUMN credit_accounts.max_credits; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_accounts.max_credits IS 'What a reset fills up to; grants and refunds may go beyond.';

--
-- Name: COLUMN credit_accounts.last_seq; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_accounts.last_seq IS 'The number of the newest transaction: the row''s lock is the sequence, so that it has no gaps.';

--
-- Name: COLUMN credit_accounts.last_reset_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_accounts.last_reset_at IS 'The interval rolls: it begins anew when a due reset is applied, which happens when the account is touched.';

--
-- Name: COLUMN credit_accounts.reset_hours; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_accounts.reset_hours IS 'Null: never filled up again, as with guests.';

--
-- Name: credit_transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.credit_transactions (
    user_id uuid NOT NULL,
    seq integer NOT NULL,
    type text NOT NULL,
    amount integer NOT NULL,
    balance_after integer NOT NULL,
    description text,
    idempotency_key text,
    refunds_seq integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credit_transactions_amount_not_zero CHECK (((amount <> 0) OR (type = 'checkpoint'::text))),
    CONSTRAINT credit_transactions_amount_sign CHECK (
CASE
    WHEN (type = 'deduct'::text) THEN (amount < 0)
    ELSE (amount >= 0)
END),
    CONSTRAINT credit_transactions_balance_after_range CHECK ((balance_after >= 0)),
    CONSTRAINT credit_transactions_description_length CHECK ((char_length(description) <= 500)),
    CONSTRAINT credit_transactions_idempotency_key_length CHECK (((char_length(idempotency_key) >= 1) AND (char_length(idempotency_key) <= 200))),
    CONSTRAINT credit_transactions_refunds_seq_type CHECK (((type = 'refund'::text) = (refunds_seq IS NOT NULL))),
    CONSTRAINT credit_transactions_seq_range CHECK ((seq > 0)),
    CONSTRAINT credit_transactions_type_known CHECK ((type = ANY (ARRAY['allocate'::text, 'deduct'::text, 'refund'::text, 'grant'::text, 'reset'::text, 'checkpoint'::text])))
);

--
-- Name: TABLE credit_transactions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.credit_transactions IS 'The ledger: append-only but for maintain, which folds what is old into a checkpoint with the same sum.';

--
-- Name: COLUMN credit_transactions.amount; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_transactions.amount IS 'Negative for deductions alone.';

--
-- Name: COLUMN credit_transactions.refunds_seq; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.credit_transactions.refunds_seq IS 'The deduction that a refund gives back, once at most. No foreign key: it may be folded first.';

--
-- Name: daily_reviews; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.daily_reviews (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    date date NOT NULL,
    mood integer,
    energy integer,
    productivity integer,
    sleep_quality integer,
    sleep_hours numeric,
    water_ml integer,
    screen_minutes integer,
    steps integer,
    highlights text,
    accomplishments text,
    challenges text,
    lessons text,
    gratitude text,
    tomorrow text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    search tsvector GENERATED ALWAYS AS ((((((to_tsvector('simple'::regconfig, COALESCE(highlights, ''::text)) || to_tsvector('simple'::regconfig, COALESCE(accomplishments, ''::text))) || to_tsvector('simple'::regconfig, COALESCE(challenges, ''::text))) || to_tsvector('simple'::regconfig, COALESCE(lessons, ''::text))) || to_tsvector('simple'::regconfig, COALESCE(gratitude, ''::text))) || to_tsvector('simple'::regconfig, COALESCE(tomorrow, ''::text)))) STORED NOT NULL,
    CONSTRAINT daily_reviews_accomplishments_length CHECK ((char_length(accomplishments) <= 10000)),
    CONSTRAINT daily_reviews_challenges_length CHECK ((char_length(challenges) <= 10000)),
    CONSTRAINT daily_reviews_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT daily_reviews_energy_range CHECK (((energy >= 1) AND (energy <= 10))),
    CONSTRAINT daily_reviews_gratitude_length CHECK ((char_length(gratitude) <= 10000)),
    CONSTRAINT daily_reviews_highlights_length CHECK ((char_length(highlights) <= 10000)),
    CONSTRAINT daily_reviews_lessons_length CHECK ((char_length(lessons) <= 10000)),
    CONSTRAINT daily_reviews_mood_range CHECK (((mood >= 1) AND (mood <= 10))),
    CONSTRAINT daily_reviews_productivity_range CHECK (((productivity >= 1) AND (productivity <= 10))),
    CONSTRAINT daily_reviews_screen_minutes_range CHECK (((screen_minutes >= 0) AND (screen_minutes <= 1000000))),
    CONSTRAINT daily_reviews_sleep_hours_range CHECK (((sleep_hours >= (0)::numeric) AND (sleep_hours <= (24)::numeric))),
    CONSTRAINT daily_reviews_sleep_quality_range CHECK (((sleep_quality >= 1) AND (sleep_quality <= 10))),
    CONSTRAINT daily_reviews_steps_range CHECK (((steps >= 0) AND (steps <= 1000000000))),
    CONSTRAINT daily_reviews_tomorrow_length CHECK ((char_length(tomorrow) <= 10000)),
    CONSTRAINT daily_reviews_water_ml_range CHECK (((water_ml >= 0) AND (water_ml <= 1000000)))
);

--
-- Name: TABLE daily_reviews; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.daily_reviews IS 'How a day was: one per user and day, the day being the user''s own.';

--
-- Name: COLUMN daily_reviews.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.daily_reviews.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN daily_reviews.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.daily_reviews.search IS 'Words of all texts.';

--
-- Name: deleted_objects; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deleted_objects (
    user_id uuid NOT NULL,
    storage_key text NOT NULL,
    CONSTRAINT deleted_objects_storage_key_length CHECK (((char_length(storage_key) >= 1) AND (char_length(storage_key) <= 500)))
);

--
-- Name: TABLE deleted_objects; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.deleted_objects IS 'In a cluster: objects that lost their row, until maintain brings them to media_deletions. Elsewhere empty.';

--
-- Name: foods; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.foods (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    date date NOT NULL,
    "time" time without time zone,
    meal_type text NOT NULL,
    name text NOT NULL,
    portion text,
    calories numeric,
    protein_g numeric,
    carbs_g numeric,
    fats_g numeric,
    fiber_g numeric,
    sugar_g numeric,
    sodium_mg numeric,
    is_favorite boolean DEFAULT false NOT NULL,
    notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    CONSTRAINT foods_calories_range CHECK (((calories >= (0)::numeric) AND (calories <= (1000000000)::numeric))),
    CONSTRAINT foods_carbs_g_range CHECK (((carbs_g >= (0)::numeric) AND (carbs_g <= (1000000000)::numeric))),
    CONSTRAINT foods_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT foods_fats_g_range CHECK (((fats_g >= (0)::numeric) AND (fats_g <= (1000000000)::numeric))),
    CONSTRAINT foods_fiber_g_range CHECK (((fiber_g >= (0)::numeric) AND (fiber_g <= (1000000000)::numeric))),
    CONSTRAINT foods_meal_type_known CHECK ((meal_type = ANY (ARRAY['breakfast'::text, 'lunch'::text, 'dinner'::text, 'snack'::text]))),
    CONSTRAINT foods_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT foods_name_not_blank CHECK ((name ~ '[^[:space:]]'::text)),
    CONSTRAINT foods_notes_length CHECK ((char_length(notes) <= 10000)),
    CONSTRAINT foods_portion_length CHECK ((char_length(portion) <= 100)),
    CONSTRAINT foods_protein_g_range CHECK (((protein_g >= (0)::numeric) AND (protein_g <= (1000000000)::numeric))),
    CONSTRAINT foods_sodium_mg_range CHECK (((sodium_mg >= (0)::numeric) AND (sodium_mg <= (1000000000)::numeric))),
    CONSTRAINT foods_sugar_g_range CHECK (((sugar_g >= (0)::numeric) AND (sugar_g <= (1000000000)::numeric)))
);

--
-- Name: TABLE foods; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.foods IS 'What a user ate or drank. The day is the user''s own: a date, not a time in UTC.';

--
-- Name: COLUMN foods.portion; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.foods.portion IS 'As the user says it: "1 cup", "200 g".';

--
-- Name: COLUMN foods.calories; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.foods.calories IS 'Kilocalories.';

--
-- Name: COLUMN foods.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.foods.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: goal_progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.goal_progress (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    goal_id uuid NOT NULL,
    date date NOT NULL,
    value numeric NOT NULL,
    note text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    CONSTRAINT goal_progress_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT goal_progress_note_length CHECK ((char_length(note) <= 10000)),
    CONSTRAINT goal_progress_value_range CHECK (((value >= ('-1000000000'::integer)::numeric) AND (value <= (1000000000)::numeric)))
);

--
-- Name: TABLE goal_progress; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.goal_progress IS 'How far a goal was on a day. The newest by date, then by id, is the goal''s current value.';

--
-- Name: COLUMN goal_progress.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goal_progress.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: goals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.goals (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    title text NOT NULL,
    description text,
    goal_type text NOT NULL,
    category text,
    target_value numeric,
    target_unit text,
    start_date date,
    end_date date,
    status text DEFAULT 'active'::text NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    is_recurring boolean DEFAULT false NOT NULL,
    recurrence_pattern text,
    parent_id uuid,
    previous_id uuid,
    completed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    start_value numeric,
    search tsvector GENERATED ALWAYS AS ((setweight(to_tsvector('simple'::regconfig, title), 'A'::"char") || setweight(to_tsvector('simple'::regconfig, COALESCE(description, ''::text)), 'B'::"char"))) STORED NOT NULL,
    CONSTRAINT goals_category_length CHECK (((char_length(category) >= 1) AND (char_length(category) <= 100))),
    CONSTRAINT goals_completed_at_status CHECK (((status = 'completed'::text) = (completed_at IS NOT NULL))),
    CONSTRAINT goals_description_length CHECK ((char_length(description) <= 10000)),
    CONSTRAINT goals_end_date_order CHECK ((end_date >= start_date)),
    CONSTRAINT goals_end_date_range CHECK (((end_date >= '1900-01-01'::date) AND (end_date <= '9999-12-31'::date))),
    CONSTRAINT goals_goal_type_known CHECK ((goal_type = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text, 'yearly'::text, 'life'::text]))),
    CONSTRAINT goals_parent_other CHECK ((parent_id <> id)),
    CONSTRAINT goals_priority_range CHECK (((priority >= 0) AND (priority <= 5))),
    CONSTRAINT goals_recurrence_pattern_length CHECK (((char_length(recurrence_pattern) >= 1) AND (char_length(recurrence_pattern) <= 500))),
    CONSTRAINT goals_recurrence_pattern_needed CHECK (((NOT is_recurring) OR (recurrence_pattern IS NOT NULL))),
    CONSTRAINT goals_start_date_range CHECK (((start_date >= '1900-01-01'::date) AND (start_date <= '9999-12-31'::date))),
    CONSTRAINT goals_start_value_range CHECK (((start_value >= ('-1000000000'::integer)::numeric) AND (start_value <= (1000000000)::numeric))),
    CONSTRAINT goals_status_known CHECK ((status = ANY (ARRAY['active'::text, 'completed'::text, 'cancelled'::text, 'paused'::text]))),
    CONSTRAINT goals_target_unit_length CHECK (((char_length(target_unit) >= 1) AND (char_length(target_unit) <= 50))),
    CONSTRAINT goals_target_value_direction CHECK (
CASE
    WHEN (start_value IS NULL) THEN (target_value > (0)::numeric)
    ELSE (target_value <> start_value)
END),
    CONSTRAINT goals_target_value_range CHECK (((target_value >= ('-1000000000'::integer)::numeric) AND (target_value <= (1000000000)::numeric))),
    CONSTRAINT goals_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 255))),
    CONSTRAINT goals_title_not_blank CHECK ((title ~ '[^[:space:]]'::text))
);

--
-- Name: TABLE goals; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.goals IS 'What a user wants to reach. Current value and percentage are derived from goal_progress, never stored.';

--
-- Name: COLUMN goals.recurrence_pattern; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.recurrence_pattern IS 'An RFC 5545 recurrence rule, such as FREQ=WEEKLY;BYDAY=MO: when the next occurrence begins.';

--
-- Name: COLUMN goals.parent_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.parent_id IS 'A goal of the same user; a circle is refused by the statement that moves a goal (goals.patch), a chain of more than 100 goals by a trigger.';

--
-- Name: COLUMN goals.previous_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.previous_id IS 'The recurring goal whose completion made this one. A key, no reference: that goal may be deleted since.';

--
-- Name: COLUMN goals.completed_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.completed_at IS 'Set exactly when status is completed.';

--
-- Name: COLUMN goals.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN goals.start_value; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.start_value IS 'Where the way to target_value begins: 0 where it is null. It gives goals that go down their direction.';

--
-- Name: COLUMN goals.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.goals.search IS 'Words of title and description.';

--
-- Name: habit_comments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.habit_comments (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    habit_id uuid NOT NULL,
    date date NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    CONSTRAINT habit_comments_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT habit_comments_text_length CHECK (((char_length(text) >= 1) AND (char_length(text) <= 2000))),
    CONSTRAINT habit_comments_text_not_blank CHECK ((text ~ '[^[:space:]]'::text))
);

--
-- Name: TABLE habit_comments; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.habit_comments IS 'What a user says about a habit on a day, several times if they like. Of the day: its entry need not be there.';

--
-- Name: COLUMN habit_comments.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habit_comments.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: habit_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.habit_entries (
    user_id uuid NOT NULL,
    habit_id uuid NOT NULL,
    date date NOT NULL,
    completed boolean DEFAULT false NOT NULL,
    skipped boolean DEFAULT false NOT NULL,
    value numeric,
    note text,
    mood integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    feeling text,
    duration_seconds numeric,
    completed_at timestamp with time zone,
    CONSTRAINT habit_entries_completed_at_completed CHECK ((completed OR (completed_at IS NULL))),
    CONSTRAINT habit_entries_completed_at_range CHECK (((completed_at >= '1900-01-01 00:00:00+00'::timestamp with time zone) AND (completed_at < '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT habit_entries_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT habit_entries_duration_seconds_range CHECK (((duration_seconds >= (0)::numeric) AND (duration_seconds <= (10000000)::numeric))),
    CONSTRAINT habit_entries_feeling_length CHECK (((char_length(feeling) >= 1) AND (char_length(feeling) <= 50))),
    CONSTRAINT habit_entries_mood_range CHECK (((mood >= 1) AND (mood <= 10))),
    CONSTRAINT habit_entries_note_length CHECK ((char_length(note) <= 2000)),
    CONSTRAINT habit_entries_skipped_not_completed CHECK ((NOT (completed AND skipped))),
    CONSTRAINT habit_entries_value_range CHECK (((value >= (0)::numeric) AND (value <= (1000000000)::numeric)))
);

--
-- Name: TABLE habit_entries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.habit_entries IS 'What happened with a habit on a day, one row at most; the day is the user''s own, in their time zone.';

--
-- Name: COLUMN habit_entries.skipped; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habit_entries.skipped IS 'Left out on purpose: neither breaks nor lengthens a streak.';

--
-- Name: COLUMN habit_entries.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habit_entries.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN habit_entries.feeling; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habit_entries.feeling IS 'A word for how it was, where mood is a number.';

--
-- Name: COLUMN habit_entries.completed_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habit_entries.completed_at IS 'When it was completed: as sent, or else when the entry became completed. Null: not completed, or not known, as of entries from before the column.';

--
-- Name: habits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.habits (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    name text NOT NULL,
    description text,
    kind text DEFAULT 'boolean'::text NOT NULL,
    unit text,
    target_value numeric,
    frequency text DEFAULT 'daily'::text NOT NULL,
    target_days integer,
    category text,
    color text,
    icon text,
    reminder_time time without time zone,
    is_archived boolean DEFAULT false NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    weekdays integer[],
    interval_days integer,
    nature text,
    reward text,
    duration_seconds numeric,
    related_habit_id uuid,
    search tsvector GENERATED ALWAYS AS ((setweight(to_tsvector('simple'::regconfig, name), 'A'::"char") || setweight(to_tsvector('simple'::regconfig, COALESCE(description, ''::text)), 'B'::"char"))) STORED NOT NULL,
    CONSTRAINT habits_category_length CHECK (((char_length(category) >= 1) AND (char_length(category) <= 100))),
    CONSTRAINT habits_color_form CHECK ((color ~ '^#[0-9A-Fa-f]{6}$'::text)),
    CONSTRAINT habits_description_length CHECK ((char_length(description) <= 10000)),
    CONSTRAINT habits_duration_seconds_range CHECK (((duration_seconds >= (0)::numeric) AND (duration_seconds <= (10000000)::numeric))),
    CONSTRAINT habits_frequency_known CHECK ((frequency = ANY (ARRAY['daily'::text, 'weekly'::text, 'custom'::text, 'weekdays'::text, 'monthly'::text, 'interval'::text]))),
    CONSTRAINT habits_icon_length CHECK (((char_length(icon) >= 1) AND (char_length(icon) <= 100))),
    CONSTRAINT habits_interval_days_needed CHECK (((interval_days IS NOT NULL) = (frequency = 'interval'::text))),
    CONSTRAINT habits_interval_days_range CHECK (((interval_days >= 2) AND (interval_days <= 365))),
    CONSTRAINT habits_kind_known CHECK ((kind = ANY (ARRAY['boolean'::text, 'numeric'::text]))),
    CONSTRAINT habits_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT habits_name_not_blank CHECK ((name ~ '[^[:space:]]'::text)),
    CONSTRAINT habits_nature_known CHECK ((nature = ANY (ARRAY['useful'::text, 'pleasant'::text]))),
    CONSTRAINT habits_position_range CHECK ((("position" >= 0) AND ("position" <= 1000000))),
    CONSTRAINT habits_related_habit_other CHECK ((related_habit_id <> id)),
    CONSTRAINT habits_reward_length CHECK ((char_length(reward) <= 500)),
    CONSTRAINT habits_target_days_needed CHECK (((target_days IS NOT NULL) = (frequency = ANY (ARRAY['weekly'::text, 'custom'::text, 'monthly'::text])))),
    CONSTRAINT habits_target_days_range CHECK (((target_days >= 1) AND (target_days <=
CASE frequency
    WHEN 'monthly'::text THEN 31
    ELSE 7
END))),
    CONSTRAINT habits_target_value_numeric CHECK (((kind = 'numeric'::text) OR (target_value IS NULL))),
    CONSTRAINT habits_target_value_range CHECK (((target_value > (0)::numeric) AND (target_value <= (1000000000)::numeric))),
    CONSTRAINT habits_unit_length CHECK (((char_length(unit) >= 1) AND (char_length(unit) <= 50))),
    CONSTRAINT habits_weekdays_needed CHECK (((weekdays IS NOT NULL) = (frequency = 'weekdays'::text))),
    CONSTRAINT habits_weekdays_set CHECK (COALESCE(public.is_set_of_weekdays(weekdays), (weekdays IS NULL)))
);

--
-- Name: TABLE habits; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.habits IS 'What a user wants to do again and again. Streaks and rates are derived from habit_entries, never stored.';

--
-- Name: COLUMN habits.target_value; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.target_value IS 'A numeric habit''s entry is completed when its value reaches this.';

--
-- Name: COLUMN habits.target_days; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.target_days IS 'How many days make a good week (weekly and custom habits) or a good month (monthly ones; at most all of its days).';

--
-- Name: COLUMN habits."position"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits."position" IS 'The order of the list of today, chosen by the user; equal positions are ordered by id.';

--
-- Name: COLUMN habits.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN habits.weekdays; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.weekdays IS 'The days of the week on which the habit is due, 1 for Monday.';

--
-- Name: COLUMN habits.interval_days; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.interval_days IS 'The habit is due again so many days after it was done.';

--
-- Name: COLUMN habits.duration_seconds; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.duration_seconds IS 'How long it takes, as the user expects.';

--
-- Name: COLUMN habits.related_habit_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.related_habit_id IS 'Another habit of the same user, such as the one that it follows on. Cleared by the statement that deletes that one: on delete set null would clear user_id, too.';

--
-- Name: COLUMN habits.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.habits.search IS 'Words of name and description.';

--
-- Name: identities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.identities (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    provider text NOT NULL,
    subject text NOT NULL,
    email text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT identities_email_length CHECK (((char_length(email) >= 3) AND (char_length(email) <= 320))),
    CONSTRAINT identities_provider_form CHECK ((provider ~ '^[a-z][a-z0-9]{0,29}$'::text)),
    CONSTRAINT identities_subject_length CHECK (((char_length(subject) >= 1) AND (char_length(subject) <= 255)))
);

--
-- Name: TABLE identities; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.identities IS 'Who a user is elsewhere: one row per provider and subject.';

--
-- Name: COLUMN identities.provider; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.identities.provider IS 'A provider of the settings, or whoever signs users in for a service; legacy: an old app.';

--
-- Name: COLUMN identities.subject; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.identities.subject IS 'The provider''s own stable id of the user; never the e-mail, which can change hands.';

--
-- Name: import_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.import_changes (
    import_id uuid NOT NULL,
    user_id uuid NOT NULL,
    entity text NOT NULL COLLATE pg_catalog."C",
    source_key text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    before json NOT NULL,
    checksum bigint NOT NULL,
    mark bigint NOT NULL
);

--
-- Name: TABLE import_changes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.import_changes IS 'Rows that a later import changed, as they were before: rollback puts them back.';

--
-- Name: COLUMN import_changes.checksum; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_changes.checksum IS 'The one that the item had before.';

--
-- Name: COLUMN import_changes.mark; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_changes.mark IS 'The one that the item has had since.';

--
-- Name: import_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.import_items (
    user_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    entity text NOT NULL COLLATE pg_catalog."C",
    source_key text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    import_id uuid NOT NULL,
    target_id uuid,
    target_part text,
    is_made boolean DEFAULT true NOT NULL,
    checksum bigint NOT NULL,
    mark bigint NOT NULL
);

--
-- Name: TABLE import_items; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.import_items IS 'What each row of a source became: that is how it is found again by the next import, by verify and by rollback.';

--
-- Name: COLUMN import_items.user_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.user_id IS 'Whose the row is; of nothing but zeros: nobody''s, as with the query cache.';

--
-- Name: COLUMN import_items.source_key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.source_key IS 'The row''s own key in its source. An integer that another database of the same app may have as well is followed by @ and the microseconds of the row''s creation.';

--
-- Name: COLUMN import_items.import_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.import_id IS 'The run that made the row.';

--
-- Name: COLUMN import_items.target_part; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.target_part IS 'What the row''s key has beside user_id and one uuid: a date, a number, a hash.';

--
-- Name: COLUMN import_items.is_made; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.is_made IS 'False: the row was here before, such as the account of an e-mail address.';

--
-- Name: COLUMN import_items.checksum; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.checksum IS 'Of the row as it was read: another one, and it has changed in the source.';

--
-- Name: COLUMN import_items.mark; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_items.mark IS 'Of the row as it was written: its version, or a hash. Another one, and it has changed here.';

--
-- Name: import_reports; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.import_reports (
    import_id uuid NOT NULL,
    line bigint NOT NULL,
    kind text NOT NULL,
    entity text NOT NULL,
    place text NOT NULL,
    user_id uuid,
    rule text NOT NULL,
    content json,
    CONSTRAINT import_reports_kind_known CHECK ((kind = ANY (ARRAY['rejected'::text, 'changed'::text, 'merged'::text, 'kept'::text, 'left_out'::text])))
);

--
-- Name: TABLE import_reports; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.import_reports IS 'What a run did not take over as it was, line by line.';

--
-- Name: COLUMN import_reports.kind; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_reports.kind IS 'rejected: not imported; changed: imported, but not as it was; merged: its rows went to another account; kept: changed in the source and here, and left as it is here; left_out: there is no place for it.';

--
-- Name: COLUMN import_reports.rule; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_reports.rule IS 'The name of the constraint or the rule.';

--
-- Name: COLUMN import_reports.content; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.import_reports.content IS 'The row, or the value.';

--
-- Name: import_reports_line_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.import_reports_line_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: import_reports_line_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.import_reports_line_seq OWNED BY public.import_reports.line;

--
-- Name: imports; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.imports (
    id uuid DEFAULT public.new_id() NOT NULL,
    source text NOT NULL,
    form text NOT NULL,
    location text NOT NULL,
    options json NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    counts json,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT imports_finished CHECK (((status = 'running'::text) = (finished_at IS NULL))),
    CONSTRAINT imports_source_known CHECK ((source = ANY (ARRAY['habits'::text, 'council'::text, 'tasks'::text, 'manifest'::text, 'assistant'::text, 'loop'::text, 'holdfast'::text]))),
    CONSTRAINT imports_status_known CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text, 'rolled_back'::text])))
);

--
-- Name: TABLE imports; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.imports IS 'Runs of holdfast import.';

--
-- Name: COLUMN imports.location; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.imports.location IS 'Where the source was: a path, or a URL without its password.';

--
-- Name: COLUMN imports.counts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.imports.counts IS 'By table: how many rows were read, and what became of them.';

--
-- Name: mail_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_tokens (
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    token_hash bytea NOT NULL,
    email text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT mail_tokens_email_length CHECK (((char_length(email) >= 3) AND (char_length(email) <= 320))),
    CONSTRAINT mail_tokens_purpose_known CHECK ((purpose = ANY (ARRAY['verification'::text, 'password_reset'::text, 'email_change'::text]))),
    CONSTRAINT mail_tokens_token_hash_length CHECK ((octet_length(token_hash) = 32))
);

--
-- Name: TABLE mail_tokens; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.mail_tokens IS 'What the links in mails confirm. A row goes when its link was used.';

--
-- Name: COLUMN mail_tokens.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.mail_tokens.token_hash IS 'SHA-256 of the 256 random bits in the link, which only its reader has.';

--
-- Name: COLUMN mail_tokens.email; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.mail_tokens.email IS 'The address that it was sent to, which alone it is about.';

--
-- Name: media; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.media (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    file_name text NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    width integer,
    height integer,
    alt_text text,
    storage_key text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    taggable_type text,
    taggable_id uuid,
    task_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'tasks'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    habit_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'habits'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    goal_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'goals'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    food_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'foods'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    workout_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'workouts'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    daily_review_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'daily-reviews'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    blog_entry_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'blog-entries'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    conversation_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'conversations'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    is_public boolean DEFAULT false NOT NULL,
    CONSTRAINT media_alt_text_length CHECK ((char_length(alt_text) <= 1000)),
    CONSTRAINT media_content_type_length CHECK (((char_length(content_type) >= 3) AND (char_length(content_type) <= 255))),
    CONSTRAINT media_file_name_length CHECK (((char_length(file_name) >= 1) AND (char_length(file_name) <= 255))),
    CONSTRAINT media_file_name_not_blank CHECK ((file_name ~ '[^[:space:]]'::text)),
    CONSTRAINT media_height_range CHECK ((height > 0)),
    CONSTRAINT media_one_target CHECK ((num_nonnulls(taggable_type, taggable_id) = (2 * num_nonnulls(task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id)))),
    CONSTRAINT media_sha_form CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT media_size_bytes_range CHECK ((size_bytes > 0)),
    CONSTRAINT media_storage_key_length CHECK (((char_length(storage_key) >= 1) AND (char_length(storage_key) <= 500))),
    CONSTRAINT media_width_range CHECK ((width > 0))
);

--
-- Name: TABLE media; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.media IS 'Files of users; the bytes lie in object storage under storage_key.';

--
-- Name: COLUMN media.content_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media.content_type IS 'Sniffed from the bytes, never what the client said.';

--
-- Name: COLUMN media.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN media.taggable_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media.taggable_type IS 'The kind of the row that it is attached to, as in the path of its list.';

--
-- Name: COLUMN media.taggable_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media.taggable_id IS 'The row that it is attached to. The columns task_id, habit_id and so on are made of it, for the foreign keys.';

--
-- Name: COLUMN media.is_public; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media.is_public IS 'Its links may be without end; those end when it becomes false.';

--
-- Name: media_deletions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.media_deletions (
    storage_key text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT media_deletions_storage_key_length CHECK (((char_length(storage_key) >= 1) AND (char_length(storage_key) <= 500)))
);

--
-- Name: TABLE media_deletions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.media_deletions IS 'Objects without a row, or not yet with one: maintain deletes those that are due.';

--
-- Name: COLUMN media_deletions.due_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media_deletions.due_at IS 'An upload writes its key here first, due when it must have ended, and takes it out with the insert of its row.';

--
-- Name: media_links; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.media_links (
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    media_id uuid NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT media_links_token_hash_length CHECK ((octet_length(token_hash) = 32))
);

--
-- Name: TABLE media_links; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.media_links IS 'Addresses at which a file is read without a token of a user: who has one may read it.';

--
-- Name: COLUMN media_links.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media_links.token_hash IS 'SHA-256 of the 256 random bits in the address, which only its maker was told.';

--
-- Name: COLUMN media_links.expires_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media_links.expires_at IS 'Null: for as long as the file is public.';

--
-- Name: media_thumbnails; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.media_thumbnails (
    user_id uuid NOT NULL,
    media_id uuid NOT NULL,
    width integer NOT NULL,
    outcome text NOT NULL,
    content_type text,
    size_bytes bigint,
    sha256 text,
    storage_key text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT media_thumbnails_content_type_length CHECK (((char_length(content_type) >= 3) AND (char_length(content_type) <= 255))),
    CONSTRAINT media_thumbnails_object CHECK ((num_nulls(content_type, size_bytes, sha256, storage_key) =
CASE
    WHEN (outcome = 'kept'::text) THEN 0
    ELSE 4
END)),
    CONSTRAINT media_thumbnails_outcome_known CHECK ((outcome = ANY (ARRAY['kept'::text, 'larger'::text, 'failed'::text]))),
    CONSTRAINT media_thumbnails_sha_form CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT media_thumbnails_size_bytes_range CHECK ((size_bytes > 0)),
    CONSTRAINT media_thumbnails_storage_key_length CHECK (((char_length(storage_key) >= 1) AND (char_length(storage_key) <= 500))),
    CONSTRAINT media_thumbnails_width_known CHECK ((width = ANY (ARRAY[160, 320, 640, 1280])))
);

--
-- Name: TABLE media_thumbnails; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.media_thumbnails IS 'Thumbnails of files, each made when it is first asked for; the bytes lie beside the file''s.';

--
-- Name: COLUMN media_thumbnails.outcome; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.media_thumbnails.outcome IS 'larger: the file is sent in its place, for it is no wider, or has fewer bytes. failed: none can be made.';

--
-- Name: messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.messages (
    user_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    seq integer NOT NULL,
    role text NOT NULL,
    content text,
    stage1 json,
    stage2 json,
    stage3 json,
    metadata json,
    extra json,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    size_bytes integer GENERATED ALWAYS AS (((((COALESCE(octet_length(content), 0) + COALESCE(octet_length((stage1)::text), 0)) + COALESCE(octet_length((stage2)::text), 0)) + COALESCE(octet_length((stage3)::text), 0)) + COALESCE(octet_length((metadata)::text), 0))) STORED NOT NULL,
    beginning text GENERATED ALWAYS AS ("left"(COALESCE(content, (stage3 ->> 'response'::text)), 200)) STORED,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, public.message_text(content, stage1, stage2, stage3))) STORED NOT NULL,
    CONSTRAINT messages_content_length CHECK ((char_length(content) <= 8388608)),
    CONSTRAINT messages_content_needed CHECK (((content IS NOT NULL) OR ((role = 'assistant'::text) AND (stage3 IS NOT NULL)))),
    CONSTRAINT messages_role_known CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text]))),
    CONSTRAINT messages_seq_range CHECK ((seq >= 1))
);
ALTER TABLE ONLY public.messages ALTER COLUMN user_id SET (n_distinct=1);

--
-- Name: TABLE messages; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.messages IS 'What was said in a conversation, in the order of seq: 1, 2, 3 and so on, without a gap.';

--
-- Name: COLUMN messages.stage1; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.stage1 IS 'The answers of the council''s models; as sent, to the byte.';

--
-- Name: COLUMN messages.stage2; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.stage2 IS 'The models'' rankings of each other; as sent, to the byte.';

--
-- Name: COLUMN messages.stage3; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.stage3 IS 'The final answer; its response is shown in lists. As sent, to the byte.';

--
-- Name: COLUMN messages.metadata; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.metadata IS 'As sent, to the byte.';

--
-- Name: COLUMN messages.extra; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.extra IS 'What an imported file said that no column holds.';

--
-- Name: COLUMN messages.size_bytes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.size_bytes IS 'Length of the texts: a reader takes as many messages at once as fit into memory.';

--
-- Name: COLUMN messages.beginning; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.beginning IS 'What a list of conversations shows of its last message: a page would read 50 documents to their end for it.';

--
-- Name: COLUMN messages.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.messages.search IS 'Words of the content and of all stages. The first 100,000 characters: of more, words of four bytes a letter and with hyphens, which count twice, can be too many for a tsvector.';

--
-- Name: ordered_conversations; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.ordered_conversations AS
 SELECT conversations.user_id,
    'activity'::text AS list_order,
    conversations.last_activity_at AS at,
    conversations.id,
    conversations.is_archived,
    conversations.search,
    conversations.version,
    conversations.last_seq
   FROM public.conversations
UNION ALL
 SELECT conversations.user_id,
    'created'::text AS list_order,
    conversations.created_at AS at,
    conversations.id,
    conversations.is_archived,
    conversations.search,
    conversations.version,
    conversations.last_seq
   FROM public.conversations;

--
-- Name: VIEW ordered_conversations; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON VIEW public.ordered_conversations IS 'Each conversation twice: at is the time by which either order of the list goes.';

--
-- Name: outgoing_mails; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outgoing_mails (
    id uuid DEFAULT public.new_id() NOT NULL,
    user_id uuid,
    kind text NOT NULL,
    address text NOT NULL,
    language text DEFAULT ''::text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failure text,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    given_up_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT outgoing_mails_address_length CHECK (((char_length(address) >= 3) AND (char_length(address) <= 320))),
    CONSTRAINT outgoing_mails_detail_length CHECK ((octet_length((detail)::text) <= 4000)),
    CONSTRAINT outgoing_mails_failure_length CHECK ((char_length(failure) <= 100)),
    CONSTRAINT outgoing_mails_kind_known CHECK ((kind = ANY (ARRAY['verification'::text, 'password_reset'::text, 'email_change'::text, 'email_change_asked'::text, 'email_changed'::text, 'identity_linked'::text, 'new_device'::text]))),
    CONSTRAINT outgoing_mails_language_length CHECK ((char_length(language) <= 100))
);

--
-- Name: TABLE outgoing_mails; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.outgoing_mails IS 'Mail that is to be sent: written in the transaction of what it is about, deleted when a server has taken it.';

--
-- Name: COLUMN outgoing_mails.user_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outgoing_mails.user_id IS 'Whom it is about. Null: whoever has the address by the time it is sent, if anybody has. Nobody finds that out by asking.';

--
-- Name: COLUMN outgoing_mails.language; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outgoing_mails.language IS 'The languages that the reader prefers, as in Accept-Language, without weights.';

--
-- Name: COLUMN outgoing_mails.detail; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outgoing_mails.detail IS 'What its template shows. Neither a token nor a link: those are made when it is sent.';

--
-- Name: COLUMN outgoing_mails.failure; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outgoing_mails.failure IS 'Why the last attempt failed, as a code: no text of a server, which has addresses in it.';

--
-- Name: COLUMN outgoing_mails.due_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outgoing_mails.due_at IS 'When a sender takes it. Moved forward by the one that does, so that no other takes it, and that it is not lost with it.';

--
-- Name: COLUMN outgoing_mails.given_up_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outgoing_mails.given_up_at IS 'It was refused for good, or for a day: kept a week for the operator to see.';

--
-- Name: pending_sign_ins; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pending_sign_ins (
    state_hash bytea NOT NULL,
    provider text NOT NULL,
    redirect text NOT NULL,
    challenge bytea NOT NULL,
    sealed bytea,
    user_id uuid,
    session_hash bytea,
    code_hash bytea,
    identity jsonb,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT pending_sign_ins_challenge_length CHECK ((octet_length(challenge) = 32)),
    CONSTRAINT pending_sign_ins_code_after_state CHECK (((code_hash IS NULL) OR (sealed IS NULL))),
    CONSTRAINT pending_sign_ins_code_hash_length CHECK ((octet_length(code_hash) = 32)),
    CONSTRAINT pending_sign_ins_code_with_identity CHECK (((code_hash IS NULL) = (identity IS NULL))),
    CONSTRAINT pending_sign_ins_identity_length CHECK ((octet_length((identity)::text) <= 10000)),
    CONSTRAINT pending_sign_ins_provider_length CHECK (((char_length(provider) >= 1) AND (char_length(provider) <= 30))),
    CONSTRAINT pending_sign_ins_redirect_length CHECK (((char_length(redirect) >= 1) AND (char_length(redirect) <= 2000))),
    CONSTRAINT pending_sign_ins_sealed_length CHECK (((octet_length(sealed) >= 1) AND (octet_length(sealed) <= 1000))),
    CONSTRAINT pending_sign_ins_session_hash_length CHECK ((octet_length(session_hash) = 32)),
    CONSTRAINT pending_sign_ins_state_hash_length CHECK ((octet_length(state_hash) = 32)),
    CONSTRAINT pending_sign_ins_user_with_session CHECK (((user_id IS NULL) = (session_hash IS NULL)))
);

--
-- Name: TABLE pending_sign_ins; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.pending_sign_ins IS 'Sign-ins by a provider that are under way: from the start until the app has exchanged its code. Nothing has happened to an account.';

--
-- Name: COLUMN pending_sign_ins.state_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.state_hash IS 'SHA-256 of the state, 256 random bits that the provider hands back.';

--
-- Name: COLUMN pending_sign_ins.challenge; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.challenge IS 'SHA-256 of the verifier that the app made: who has the code alone gets nothing.';

--
-- Name: COLUMN pending_sign_ins.sealed; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.sealed IS 'The verifier and the nonce that the provider checks, sealed with SECRET_KEY. Null: the state was taken, which it is once.';

--
-- Name: COLUMN pending_sign_ins.user_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.user_id IS 'Who links another way in to their account. Null: somebody signs in.';

--
-- Name: COLUMN pending_sign_ins.session_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.session_hash IS 'The session that began to link: it must still be there in the end.';

--
-- Name: COLUMN pending_sign_ins.code_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.code_hash IS 'SHA-256 of the code that the app was given. Null: the provider has not answered yet.';

--
-- Name: COLUMN pending_sign_ins.identity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.identity IS 'Who it is, as the provider says.';

--
-- Name: COLUMN pending_sign_ins.expires_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.pending_sign_ins.expires_at IS 'Ten minutes after the start; with a code, one minute after it was given.';

--
-- Name: progress_snapshots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.progress_snapshots (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    period text NOT NULL,
    date date NOT NULL,
    goals_active integer DEFAULT 0 NOT NULL,
    goals_completed integer DEFAULT 0 NOT NULL,
    habit_completion_rate numeric,
    longest_streak integer DEFAULT 0 NOT NULL,
    workouts_count integer DEFAULT 0 NOT NULL,
    workout_minutes numeric DEFAULT 0 NOT NULL,
    calories_avg numeric,
    mood_avg numeric,
    sleep_avg numeric,
    weight numeric,
    weight_unit text,
    body_fat_percent numeric,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    energy_avg numeric,
    habits_active integer DEFAULT 0 NOT NULL,
    blog_entries_count integer DEFAULT 0 NOT NULL,
    notes text,
    CONSTRAINT progress_snapshots_blog_entries_count_range CHECK ((blog_entries_count >= 0)),
    CONSTRAINT progress_snapshots_body_fat_percent_range CHECK (((body_fat_percent >= (0)::numeric) AND (body_fat_percent <= (100)::numeric))),
    CONSTRAINT progress_snapshots_calories_avg_range CHECK (((calories_avg >= (0)::numeric) AND (calories_avg < 'NaN'::numeric))),
    CONSTRAINT progress_snapshots_date_first CHECK (
CASE period
    WHEN 'weekly'::text THEN (EXTRACT(isodow FROM date) = (1)::numeric)
    WHEN 'monthly'::text THEN (EXTRACT(day FROM date) = (1)::numeric)
    WHEN 'yearly'::text THEN (EXTRACT(doy FROM date) = (1)::numeric)
    ELSE true
END),
    CONSTRAINT progress_snapshots_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT progress_snapshots_energy_avg_range CHECK (((energy_avg >= (1)::numeric) AND (energy_avg <= (10)::numeric))),
    CONSTRAINT progress_snapshots_goals_active_range CHECK ((goals_active >= 0)),
    CONSTRAINT progress_snapshots_goals_completed_range CHECK ((goals_completed >= 0)),
    CONSTRAINT progress_snapshots_habit_completion_rate_range CHECK (((habit_completion_rate >= (0)::numeric) AND (habit_completion_rate <= (1)::numeric))),
    CONSTRAINT progress_snapshots_habits_active_range CHECK ((habits_active >= 0)),
    CONSTRAINT progress_snapshots_longest_streak_range CHECK ((longest_streak >= 0)),
    CONSTRAINT progress_snapshots_mood_avg_range CHECK (((mood_avg >= (1)::numeric) AND (mood_avg <= (10)::numeric))),
    CONSTRAINT progress_snapshots_notes_length CHECK ((char_length(notes) <= 10000)),
    CONSTRAINT progress_snapshots_period_known CHECK ((period = ANY (ARRAY['daily'::text, 'weekly'::text, 'monthly'::text, 'yearly'::text]))),
    CONSTRAINT progress_snapshots_sleep_avg_range CHECK (((sleep_avg >= (0)::numeric) AND (sleep_avg <= (24)::numeric))),
    CONSTRAINT progress_snapshots_weight_range CHECK (((weight > (0)::numeric) AND (weight <= (10000)::numeric))),
    CONSTRAINT progress_snapshots_weight_unit_known CHECK ((weight_unit = ANY (ARRAY['kg'::text, 'lbs'::text]))),
    CONSTRAINT progress_snapshots_weight_unit_needed CHECK (((weight IS NULL) OR (weight_unit IS NOT NULL))),
    CONSTRAINT progress_snapshots_workout_minutes_range CHECK (((workout_minutes >= (0)::numeric) AND (workout_minutes < 'NaN'::numeric))),
    CONSTRAINT progress_snapshots_workouts_count_range CHECK ((workouts_count >= 0))
);

--
-- Name: TABLE progress_snapshots; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.progress_snapshots IS 'A period at a glance, computed from what is there when it is asked for; kept, so that later changes do not rewrite history.';

--
-- Name: COLUMN progress_snapshots.date; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.progress_snapshots.date IS 'The first day of the period: Monday, the 1st, 1 January.';

--
-- Name: COLUMN progress_snapshots.habit_completion_rate; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.progress_snapshots.habit_completion_rate IS 'From 0 to 1; null: no habit was due.';

--
-- Name: COLUMN progress_snapshots.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.progress_snapshots.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN progress_snapshots.notes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.progress_snapshots.notes IS 'By the user, like weight and body_fat_percent: they stay when it is computed again.';

--
-- Name: query_cache; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.query_cache (
    query_hash text NOT NULL,
    result json NOT NULL,
    cached_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT query_cache_expires_later CHECK ((expires_at > cached_at)),
    CONSTRAINT query_cache_query_hash_form CHECK ((query_hash ~ '^[A-Za-z0-9_-]{1,128}$'::text))
);

--
-- Name: TABLE query_cache; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.query_cache IS 'Answers to questions that many users ask. It belongs to nobody: services and admins write, everybody reads.';

--
-- Name: COLUMN query_cache.query_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.query_cache.query_hash IS 'What the writer made of the question; the server does not know how.';

--
-- Name: COLUMN query_cache.result; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.query_cache.result IS 'As sent, to the byte.';

--
-- Name: rate_limits; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.rate_limits (
    bucket text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    hits integer NOT NULL,
    last_hit_at timestamp with time zone,
    CONSTRAINT rate_limits_bucket_length CHECK (((char_length(bucket) >= 1) AND (char_length(bucket) <= 200)))
);

--
-- Name: TABLE rate_limits; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.rate_limits IS 'Attempts per bucket and fixed window, shared by all workers.';

--
-- Name: COLUMN rate_limits.bucket; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.rate_limits.bucket IS 'What is limited and for whom: a name, and a hash of an address, of the normal form of a login, or of both.';

--
-- Name: COLUMN rate_limits.last_hit_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.rate_limits.last_hit_at IS 'When the last attempt was let through; only where pauses grow.';

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);

--
-- Name: tasks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tasks (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    title text NOT NULL,
    description text,
    completed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    due_date date,
    priority integer,
    completed_at timestamp with time zone,
    search tsvector GENERATED ALWAYS AS ((setweight(to_tsvector('simple'::regconfig, title), 'A'::"char") || setweight(to_tsvector('simple'::regconfig, COALESCE(description, ''::text)), 'B'::"char"))) STORED NOT NULL,
    CONSTRAINT tasks_completed_at_completed CHECK ((completed = (completed_at IS NOT NULL))),
    CONSTRAINT tasks_description_length CHECK ((char_length(description) <= 1000)),
    CONSTRAINT tasks_due_date_range CHECK (((due_date >= '1900-01-01'::date) AND (due_date <= '9999-12-31'::date))),
    CONSTRAINT tasks_priority_range CHECK (((priority >= 0) AND (priority <= 5))),
    CONSTRAINT tasks_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 200))),
    CONSTRAINT tasks_title_not_blank CHECK ((title ~ '[^[:space:]]'::text))
);

--
-- Name: TABLE tasks; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.tasks IS 'What a user wants to get done. The id carries the creation time, so it is the order of lists.';

--
-- Name: COLUMN tasks.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tasks.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN tasks.due_date; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tasks.due_date IS 'The day by which it shall be done, in the user''s time zone.';

--
-- Name: COLUMN tasks.priority; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tasks.priority IS 'From 0 to 5, the most urgent; null: none was given.';

--
-- Name: COLUMN tasks.completed_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tasks.completed_at IS 'When it was done: set exactly when completed is true.';

--
-- Name: COLUMN tasks.search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tasks.search IS 'Words of title and description.';

--
-- Name: searched; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.searched AS
 SELECT tasks.user_id,
    'tasks'::text AS kind,
    tasks.id,
    tasks.search,
    tasks.title,
    concat_ws(chr(10), tasks.title, tasks.description) AS body,
    0 AS seq
   FROM public.tasks
UNION ALL
 SELECT goals.user_id,
    'goals'::text AS kind,
    goals.id,
    goals.search,
    goals.title,
    concat_ws(chr(10), goals.title, goals.description) AS body,
    0 AS seq
   FROM public.goals
UNION ALL
 SELECT habits.user_id,
    'habits'::text AS kind,
    habits.id,
    habits.search,
    habits.name AS title,
    concat_ws(chr(10), habits.name, habits.description) AS body,
    0 AS seq
   FROM public.habits
UNION ALL
 SELECT daily_reviews.user_id,
    'daily-reviews'::text AS kind,
    daily_reviews.id,
    daily_reviews.search,
    (daily_reviews.date)::text AS title,
    concat_ws(chr(10), daily_reviews.highlights, daily_reviews.accomplishments, daily_reviews.challenges, daily_reviews.lessons, daily_reviews.gratitude, daily_reviews.tomorrow) AS body,
    0 AS seq
   FROM public.daily_reviews
UNION ALL
 SELECT blog_entries.user_id,
    'blog-entries'::text AS kind,
    blog_entries.id,
    blog_entries.search,
    blog_entries.title,
    concat_ws(chr(10), blog_entries.title, blog_entries.excerpt, blog_entries.content) AS body,
    0 AS seq
   FROM public.blog_entries
UNION ALL
 SELECT conversations.user_id,
    'conversations'::text AS kind,
    conversations.id,
    conversations.search,
    conversations.title,
    conversations.title AS body,
    0 AS seq
   FROM public.conversations
UNION ALL
 SELECT m.user_id,
    'messages'::text AS kind,
    m.conversation_id AS id,
    m.search,
    ( SELECT c.title
           FROM public.conversations c
          WHERE ((c.user_id = m.user_id) AND (c.id = m.conversation_id))) AS title,
    public.message_text(m.content, m.stage1, m.stage2, m.stage3) AS body,
    m.seq
   FROM public.messages m;

--
-- Name: VIEW searched; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON VIEW public.searched IS 'What /v1/search looks at, of all kinds: what is found of a row, and what is shown of it.';

--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    token_hash bytea NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    user_agent text,
    ip inet,
    device_name text,
    last_ip inet,
    last_user_agent text,
    CONSTRAINT sessions_device_name_length CHECK (((char_length(device_name) >= 1) AND (char_length(device_name) <= 100))),
    CONSTRAINT sessions_device_name_not_blank CHECK ((device_name ~ '[^[:space:]]'::text)),
    CONSTRAINT sessions_expires_later CHECK ((expires_at > created_at)),
    CONSTRAINT sessions_last_user_agent_length CHECK ((char_length(last_user_agent) <= 500)),
    CONSTRAINT sessions_token_hash_length CHECK ((octet_length(token_hash) = 32)),
    CONSTRAINT sessions_user_agent_length CHECK ((char_length(user_agent) <= 500))
);

--
-- Name: TABLE sessions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.sessions IS 'Who is signed in. One row per token; the row gone, the token is dead.';

--
-- Name: COLUMN sessions.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.token_hash IS 'SHA-256 of the token. The token itself is 256 random bits and never stored.';

--
-- Name: COLUMN sessions.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.id IS 'What the API shows: a token''s hash never leaves the database.';

--
-- Name: COLUMN sessions.last_seen_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.last_seen_at IS 'Written at most hourly, together with expires_at, which slides.';

--
-- Name: COLUMN sessions.expires_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.expires_at IS 'Moves with last_seen_at, and never further than SESSION_MAX_DAYS from created_at.';

--
-- Name: COLUMN sessions.device_name; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.device_name IS 'What the user calls the place where they are signed in.';

--
-- Name: COLUMN sessions.last_ip; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.last_ip IS 'Of its last use; null: it was not written since it was made. At most hourly, with last_seen_at.';

--
-- Name: COLUMN sessions.last_user_agent; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.sessions.last_user_agent IS 'Of its last use, as last_ip.';

--
-- Name: storage_use; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.storage_use (
    user_id uuid NOT NULL,
    stored_bytes bigint NOT NULL,
    measured_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT storage_use_stored_bytes_range CHECK ((stored_bytes >= 0))
);

--
-- Name: TABLE storage_use; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.storage_use IS 'How much each user stores, of those who wrote something. Not in users: what is counted is no change of a profile.';

--
-- Name: COLUMN storage_use.stored_bytes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.storage_use.stored_bytes IS 'Of all their rows, without files and indexes: as measured_at found them, and what the user has sent since.';

--
-- Name: taggings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.taggings (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    tag_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    taggable_type text NOT NULL,
    taggable_id uuid NOT NULL,
    task_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'tasks'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    habit_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'habits'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    goal_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'goals'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    food_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'foods'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    workout_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'workouts'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    daily_review_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'daily-reviews'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    blog_entry_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'blog-entries'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    conversation_id uuid GENERATED ALWAYS AS (
CASE taggable_type
    WHEN 'conversations'::text THEN taggable_id
    ELSE NULL::uuid
END) STORED,
    CONSTRAINT taggings_one_target CHECK ((num_nonnulls(task_id, habit_id, goal_id, food_id, workout_id, daily_review_id, blog_entry_id, conversation_id) = 1))
);

--
-- Name: TABLE taggings; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.taggings IS 'Which row carries which tag.';

--
-- Name: COLUMN taggings.taggable_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.taggings.taggable_type IS 'The kind of the row, as in the path of its list.';

--
-- Name: COLUMN taggings.taggable_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.taggings.taggable_id IS 'The row. The columns task_id, habit_id and so on are made of it, for the foreign keys.';

--
-- Name: tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tags (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    category text,
    color text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    description text,
    CONSTRAINT tags_category_length CHECK (((char_length(category) >= 1) AND (char_length(category) <= 100))),
    CONSTRAINT tags_color_form CHECK ((color ~ '^#[0-9A-Fa-f]{6}$'::text)),
    CONSTRAINT tags_description_length CHECK ((char_length(description) <= 500)),
    CONSTRAINT tags_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT tags_name_not_blank CHECK ((name ~ '[^[:space:]]'::text)),
    CONSTRAINT tags_slug_form CHECK (((slug ~ '^[^[:space:]/?#%]+$'::text) AND (char_length(slug) <= 100)))
);

--
-- Name: TABLE tags; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.tags IS 'Words that a user puts on rows of any kind. How often one is used is counted, never stored.';

--
-- Name: COLUMN tags.slug; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tags.slug IS 'The name in an address and in a list''s filter tag=, unique for the user; it follows the name.';

--
-- Name: COLUMN tags.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tags.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN tags.description; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.tags.description IS 'What the tag is for.';

--
-- Name: usage; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage (
    user_id uuid NOT NULL,
    tier text NOT NULL,
    daily_used integer DEFAULT 0 NOT NULL,
    daily_limit integer,
    monthly_used integer DEFAULT 0 NOT NULL,
    monthly_limit integer,
    total_queries bigint DEFAULT 0 NOT NULL,
    last_reset_daily date DEFAULT ((now() AT TIME ZONE 'UTC'::text))::date NOT NULL,
    last_reset_monthly date DEFAULT (date_trunc('month'::text, (now() AT TIME ZONE 'UTC'::text)))::date NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    subscription_id text,
    subscription_status text,
    CONSTRAINT usage_daily_limit_range CHECK ((daily_limit >= 0)),
    CONSTRAINT usage_daily_used_range CHECK ((daily_used >= 0)),
    CONSTRAINT usage_monthly_limit_range CHECK ((monthly_limit >= 0)),
    CONSTRAINT usage_monthly_used_range CHECK ((monthly_used >= 0)),
    CONSTRAINT usage_subscription_id_length CHECK (((char_length(subscription_id) >= 1) AND (char_length(subscription_id) <= 100))),
    CONSTRAINT usage_subscription_status_length CHECK (((char_length(subscription_status) >= 1) AND (char_length(subscription_status) <= 100))),
    CONSTRAINT usage_tier_known CHECK ((tier = ANY (ARRAY['free'::text, 'pro'::text, 'enterprise'::text]))),
    CONSTRAINT usage_total_queries_range CHECK ((total_queries >= 0))
);

--
-- Name: TABLE usage; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.usage IS 'How many user messages a user has sent, and may send: made by the first one, or by a tier. Used may exceed the limit, because a tier can go down.';

--
-- Name: COLUMN usage.daily_limit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.daily_limit IS 'User messages per UTC day; null: no limit.';

--
-- Name: COLUMN usage.monthly_limit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.monthly_limit IS 'User messages per UTC month; null: no limit.';

--
-- Name: COLUMN usage.total_queries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.total_queries IS 'User messages ever sent; deleting a conversation takes none back.';

--
-- Name: COLUMN usage.last_reset_daily; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.last_reset_daily IS 'The UTC day that daily_used counts. An earlier one: the reset is due, and applied by the next user message.';

--
-- Name: COLUMN usage.last_reset_monthly; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.last_reset_monthly IS 'The first day of the UTC month that monthly_used counts.';

--
-- Name: COLUMN usage.subscription_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.subscription_id IS 'What the payment provider calls the subscription that the tier comes from.';

--
-- Name: COLUMN usage.subscription_status; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.usage.subscription_status IS 'As the payment provider says it; nothing here depends on it.';

--
-- Name: used_id_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.used_id_tokens (
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT used_id_tokens_token_hash_length CHECK ((octet_length(token_hash) = 32))
);

--
-- Name: TABLE used_id_tokens; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.used_id_tokens IS 'ID tokens that somebody has signed in with: each is taken once.';

--
-- Name: COLUMN used_id_tokens.token_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.used_id_tokens.token_hash IS 'SHA-256 of what is signed of it. The signature is left out: of some kinds there are several for the same words.';

--
-- Name: COLUMN used_id_tokens.expires_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.used_id_tokens.expires_at IS 'Later than it would be taken for its age.';

--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id uuid DEFAULT public.new_id() NOT NULL,
    email text,
    username text,
    password_hash text,
    name text,
    first_name text,
    last_name text,
    bio text,
    avatar_url text,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    role text DEFAULT 'user'::text NOT NULL,
    is_guest boolean DEFAULT false NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    is_external boolean DEFAULT false NOT NULL,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    email_verified_at timestamp with time zone,
    is_verified boolean GENERATED ALWAYS AS ((email_verified_at IS NOT NULL)) STORED NOT NULL,
    CONSTRAINT users_avatar_url_length CHECK ((char_length(avatar_url) <= 500)),
    CONSTRAINT users_bio_length CHECK ((char_length(bio) <= 10000)),
    CONSTRAINT users_email_form CHECK ((email ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text)),
    CONSTRAINT users_email_length CHECK (((char_length(email) >= 3) AND (char_length(email) <= 320))),
    CONSTRAINT users_first_name_length CHECK ((char_length(first_name) <= 100)),
    CONSTRAINT users_guest_role CHECK (((role = 'user'::text) OR (NOT is_guest))),
    CONSTRAINT users_last_name_length CHECK ((char_length(last_name) <= 100)),
    CONSTRAINT users_name_length CHECK ((char_length(name) <= 100)),
    CONSTRAINT users_reachable CHECK ((is_guest OR is_external OR (email IS NOT NULL))),
    CONSTRAINT users_role_known CHECK ((role = ANY (ARRAY['user'::text, 'service'::text, 'admin'::text]))),
    CONSTRAINT users_timezone_length CHECK (((char_length(timezone) >= 1) AND (char_length(timezone) <= 100))),
    CONSTRAINT users_username_form CHECK ((username ~ '^[A-Za-z0-9_.-]{3,50}$'::text))
);

--
-- Name: TABLE users; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.users IS 'Accounts. Small and rarely written; everything owned hangs on it and goes with it.';

--
-- Name: COLUMN users.email; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.email IS 'Unique in its normal form, see normal_login(); kept as it was typed. Null only for guests and for those who came by an identity.';

--
-- Name: COLUMN users.password_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.password_hash IS 'Argon2id; of an imported account before its first login its old app''s. Null: no password was ever set, no login by one.';

--
-- Name: COLUMN users.timezone; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.timezone IS 'IANA name: decides what "today" is for habits.';

--
-- Name: COLUMN users.is_external; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.is_external IS 'Came by an identity of another service rather than by registration.';

--
-- Name: COLUMN users.last_login_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.last_login_at IS 'Not part of version: logging in does not change the profile.';

--
-- Name: COLUMN users.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.version IS 'Microseconds since 1970 of its last real change; it never repeats. The API''s ETag.';

--
-- Name: COLUMN users.email_verified_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.email_verified_at IS 'When the address was found to be theirs. Null: it was not, or they have another by now.';

--
-- Name: workout_exercises; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workout_exercises (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    workout_id uuid NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    type text,
    sets integer,
    reps integer,
    weight numeric,
    weight_unit text,
    distance numeric,
    distance_unit text,
    weight_kg numeric GENERATED ALWAYS AS (
CASE weight_unit
    WHEN 'kg'::text THEN weight
    WHEN 'lbs'::text THEN trim_scale((weight * 0.45359237))
    ELSE NULL::numeric
END) STORED,
    distance_m numeric GENERATED ALWAYS AS (
CASE distance_unit
    WHEN 'meters'::text THEN distance
    WHEN 'km'::text THEN trim_scale((distance * (1000)::numeric))
    WHEN 'miles'::text THEN trim_scale((distance * 1609.344))
    ELSE NULL::numeric
END) STORED,
    duration_seconds numeric,
    rest_seconds numeric,
    notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT workout_exercises_distance_range CHECK (((distance >= (0)::numeric) AND (distance <= (100000000)::numeric))),
    CONSTRAINT workout_exercises_distance_unit_known CHECK ((distance_unit = ANY (ARRAY['km'::text, 'miles'::text, 'meters'::text]))),
    CONSTRAINT workout_exercises_distance_unit_needed CHECK (((distance IS NULL) OR (distance_unit IS NOT NULL))),
    CONSTRAINT workout_exercises_duration_seconds_range CHECK (((duration_seconds >= (0)::numeric) AND (duration_seconds <= (10000000)::numeric))),
    CONSTRAINT workout_exercises_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 255))),
    CONSTRAINT workout_exercises_name_not_blank CHECK ((name ~ '[^[:space:]]'::text)),
    CONSTRAINT workout_exercises_notes_length CHECK ((char_length(notes) <= 10000)),
    CONSTRAINT workout_exercises_position_range CHECK ((("position" >= 1) AND ("position" <= 1000))),
    CONSTRAINT workout_exercises_reps_range CHECK (((reps >= 0) AND (reps <= 1000000))),
    CONSTRAINT workout_exercises_rest_seconds_range CHECK (((rest_seconds >= (0)::numeric) AND (rest_seconds <= (10000000)::numeric))),
    CONSTRAINT workout_exercises_sets_range CHECK (((sets >= 0) AND (sets <= 10000))),
    CONSTRAINT workout_exercises_type_length CHECK (((char_length(type) >= 1) AND (char_length(type) <= 50))),
    CONSTRAINT workout_exercises_weight_range CHECK (((weight >= (0)::numeric) AND (weight <= (1000000)::numeric))),
    CONSTRAINT workout_exercises_weight_unit_known CHECK ((weight_unit = ANY (ARRAY['kg'::text, 'lbs'::text]))),
    CONSTRAINT workout_exercises_weight_unit_needed CHECK (((weight IS NULL) OR (weight_unit IS NOT NULL)))
);

--
-- Name: TABLE workout_exercises; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.workout_exercises IS 'What was done in a workout. Replaced as a whole: its version is the workout''s.';

--
-- Name: COLUMN workout_exercises."position"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.workout_exercises."position" IS 'From 1 on, in the order that the client sent.';

--
-- Name: COLUMN workout_exercises.weight_unit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.workout_exercises.weight_unit IS 'As entered: what was typed reads back. weight_kg and distance_m make it comparable.';

--
-- Name: workouts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workouts (
    user_id uuid NOT NULL,
    id uuid DEFAULT public.new_id() NOT NULL,
    date date NOT NULL,
    "time" time without time zone,
    type text NOT NULL,
    name text,
    duration_minutes numeric,
    calories_burned numeric,
    intensity text,
    location text,
    mood_before integer,
    mood_after integer,
    notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT public.new_version() NOT NULL,
    feeling_before text,
    feeling_after text,
    CONSTRAINT workouts_calories_burned_range CHECK (((calories_burned >= (0)::numeric) AND (calories_burned <= (1000000)::numeric))),
    CONSTRAINT workouts_date_range CHECK (((date >= '1900-01-01'::date) AND (date <= '9999-12-31'::date))),
    CONSTRAINT workouts_duration_minutes_range CHECK (((duration_minutes > (0)::numeric) AND (duration_minutes <= (1000000)::numeric))),
    CONSTRAINT workouts_feeling_after_length CHECK (((char_length(feeling_after) >= 1) AND (char_length(feeling_after) <= 50))),
    CONSTRAINT workouts_feeling_before_length CHECK (((char_length(feeling_before) >= 1) AND (char_length(feeling_before) <= 50))),
    CONSTRAINT workouts_intensity_known CHECK ((intensity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text]))),
    CONSTRAINT workouts_location_length CHECK ((char_length(location) <= 255)),
    CONSTRAINT workouts_mood_after_range CHECK (((mood_after >= 1) AND (mood_after <= 10))),
    CONSTRAINT workouts_mood_before_range CHECK (((mood_before >= 1) AND (mood_before <= 10))),
    CONSTRAINT workouts_name_length CHECK ((char_length(name) <= 255)),
    CONSTRAINT workouts_notes_length CHECK ((char_length(notes) <= 10000)),
    CONSTRAINT workouts_type_length CHECK (((char_length(type) >= 1) AND (char_length(type) <= 50))),
    CONSTRAINT workouts_type_not_blank CHECK ((type ~ '[^[:space:]]'::text))
);

--
-- Name: TABLE workouts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.workouts IS 'A training of a user, with its exercises in workout_exercises.';

--
-- Name: COLUMN workouts.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.workouts.version IS 'Microseconds since 1970 of its last real change, those of its exercises too; it never repeats. The API''s ETag.';

--
-- Name: COLUMN workouts.feeling_before; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.workouts.feeling_before IS 'In the user''s words, beside the number in mood_before.';

--
-- Name: COLUMN workouts.feeling_after; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.workouts.feeling_after IS 'In the user''s words, beside the number in mood_after.';

--
-- Name: import_reports line; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_reports ALTER COLUMN line SET DEFAULT nextval('public.import_reports_line_seq'::regclass);

--
-- Name: api_tokens api_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (token_hash);

--
-- Name: audit_events audit_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);

--
-- Name: backups backups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.backups
    ADD CONSTRAINT backups_pkey PRIMARY KEY (name);

--
-- Name: blog_entries blog_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blog_entries
    ADD CONSTRAINT blog_entries_pkey PRIMARY KEY (user_id, id);

--
-- Name: blog_entries blog_entries_slug_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blog_entries
    ADD CONSTRAINT blog_entries_slug_unique UNIQUE (user_id, slug);

--
-- Name: consent_events consent_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consent_events
    ADD CONSTRAINT consent_events_pkey PRIMARY KEY (user_id, id);

--
-- Name: conversations conversations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (user_id, id);

--
-- Name: credit_accounts credit_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_accounts
    ADD CONSTRAINT credit_accounts_pkey PRIMARY KEY (user_id);

--
-- Name: credit_transactions credit_transactions_idempotency_key_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_transactions
    ADD CONSTRAINT credit_transactions_idempotency_key_unique UNIQUE (user_id, idempotency_key);

--
-- Name: credit_transactions credit_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_transactions
    ADD CONSTRAINT credit_transactions_pkey PRIMARY KEY (user_id, seq);

--
-- Name: credit_transactions credit_transactions_refunds_seq_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_transactions
    ADD CONSTRAINT credit_transactions_refunds_seq_unique UNIQUE (user_id, refunds_seq);

--
-- Name: daily_reviews daily_reviews_date_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.daily_reviews
    ADD CONSTRAINT daily_reviews_date_unique UNIQUE (user_id, date);

--
-- Name: daily_reviews daily_reviews_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.daily_reviews
    ADD CONSTRAINT daily_reviews_pkey PRIMARY KEY (user_id, id);

--
-- Name: deleted_objects deleted_objects_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deleted_objects
    ADD CONSTRAINT deleted_objects_pkey PRIMARY KEY (user_id, storage_key);

--
-- Name: foods foods_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foods
    ADD CONSTRAINT foods_pkey PRIMARY KEY (user_id, id);

--
-- Name: goal_progress goal_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.goal_progress
    ADD CONSTRAINT goal_progress_pkey PRIMARY KEY (user_id, id);

--
-- Name: goals goals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.goals
    ADD CONSTRAINT goals_pkey PRIMARY KEY (user_id, id);

--
-- Name: habit_comments habit_comments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habit_comments
    ADD CONSTRAINT habit_comments_pkey PRIMARY KEY (user_id, id);

--
-- Name: habit_entries habit_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habit_entries
    ADD CONSTRAINT habit_entries_pkey PRIMARY KEY (user_id, habit_id, date) INCLUDE (completed, skipped);

--
-- Name: habits habits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habits
    ADD CONSTRAINT habits_pkey PRIMARY KEY (user_id, id);

--
-- Name: identities identities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (user_id, id);

--
-- Name: identities identities_subject_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_subject_unique UNIQUE (provider, subject);

--
-- Name: import_changes import_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_changes
    ADD CONSTRAINT import_changes_pkey PRIMARY KEY (user_id, entity, source_key, source, import_id);

--
-- Name: import_items import_items_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_items
    ADD CONSTRAINT import_items_pkey PRIMARY KEY (user_id, entity, source_key, source);

--
-- Name: import_reports import_reports_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_reports
    ADD CONSTRAINT import_reports_pkey PRIMARY KEY (import_id, line);

--
-- Name: imports imports_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);

--
-- Name: mail_tokens mail_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_tokens
    ADD CONSTRAINT mail_tokens_pkey PRIMARY KEY (user_id, purpose);

--
-- Name: mail_tokens mail_tokens_token_hash_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_tokens
    ADD CONSTRAINT mail_tokens_token_hash_unique UNIQUE (token_hash);

--
-- Name: media_deletions media_deletions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_deletions
    ADD CONSTRAINT media_deletions_pkey PRIMARY KEY (storage_key);

--
-- Name: media_links media_links_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_links
    ADD CONSTRAINT media_links_pkey PRIMARY KEY (token_hash, user_id);

--
-- Name: media media_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_pkey PRIMARY KEY (user_id, id);

--
-- Name: media media_storage_key_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_storage_key_unique UNIQUE (user_id, storage_key);

--
-- Name: media_thumbnails media_thumbnails_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_thumbnails
    ADD CONSTRAINT media_thumbnails_pkey PRIMARY KEY (user_id, media_id, width);

--
-- Name: media_thumbnails media_thumbnails_storage_key_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_thumbnails
    ADD CONSTRAINT media_thumbnails_storage_key_unique UNIQUE (user_id, storage_key);

--
-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (user_id, conversation_id, seq);

--
-- Name: outgoing_mails outgoing_mails_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outgoing_mails
    ADD CONSTRAINT outgoing_mails_pkey PRIMARY KEY (id);

--
-- Name: pending_sign_ins pending_sign_ins_code_hash_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending_sign_ins
    ADD CONSTRAINT pending_sign_ins_code_hash_unique UNIQUE (code_hash);

--
-- Name: pending_sign_ins pending_sign_ins_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending_sign_ins
    ADD CONSTRAINT pending_sign_ins_pkey PRIMARY KEY (state_hash);

--
-- Name: progress_snapshots progress_snapshots_period_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.progress_snapshots
    ADD CONSTRAINT progress_snapshots_period_unique UNIQUE (user_id, period, date);

--
-- Name: progress_snapshots progress_snapshots_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.progress_snapshots
    ADD CONSTRAINT progress_snapshots_pkey PRIMARY KEY (user_id, id);

--
-- Name: query_cache query_cache_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.query_cache
    ADD CONSTRAINT query_cache_pkey PRIMARY KEY (query_hash);

--
-- Name: rate_limits rate_limits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rate_limits
    ADD CONSTRAINT rate_limits_pkey PRIMARY KEY (bucket, window_start);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_hash);

--
-- Name: storage_use storage_use_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.storage_use
    ADD CONSTRAINT storage_use_pkey PRIMARY KEY (user_id);

--
-- Name: taggings taggings_once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_once UNIQUE (user_id, taggable_id, taggable_type, tag_id);

--
-- Name: taggings taggings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_pkey PRIMARY KEY (user_id, tag_id, id);

--
-- Name: tags tags_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (user_id, id);

--
-- Name: tags tags_slug_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_slug_unique UNIQUE (user_id, slug);

--
-- Name: tasks tasks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (user_id, id);

--
-- Name: usage usage_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (user_id);

--
-- Name: used_id_tokens used_id_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.used_id_tokens
    ADD CONSTRAINT used_id_tokens_pkey PRIMARY KEY (token_hash);

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

--
-- Name: workout_exercises workout_exercises_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workout_exercises
    ADD CONSTRAINT workout_exercises_pkey PRIMARY KEY (user_id, id);

--
-- Name: workout_exercises workout_exercises_position_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workout_exercises
    ADD CONSTRAINT workout_exercises_position_unique UNIQUE (user_id, workout_id, "position");

--
-- Name: workouts workouts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workouts
    ADD CONSTRAINT workouts_pkey PRIMARY KEY (user_id, id);

--
-- Name: api_tokens_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_tokens_user ON public.api_tokens USING btree (user_id, id);

--
-- Name: audit_events_actor; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_actor ON public.audit_events USING btree (actor_id, id);

--
-- Name: audit_events_target; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_target ON public.audit_events USING btree ("left"(target, 200), id);

--
-- Name: audit_events_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_user ON public.audit_events USING btree (public.audited_user(acting_for, target), id);

--
-- Name: blog_entries_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX blog_entries_created_at ON public.blog_entries USING btree (user_id, created_at);

--
-- Name: blog_entries_public; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX blog_entries_public ON public.blog_entries USING btree (user_id, id) WHERE (is_public AND (status = 'published'::text));

--
-- Name: blog_entries_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX blog_entries_search ON public.blog_entries USING gin (public.own_words(user_id, search)) WITH (gin_pending_list_limit='64');

--
-- Name: conversations_activity; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX conversations_activity ON public.conversations USING btree (user_id, last_activity_at, id);

--
-- Name: conversations_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX conversations_created ON public.conversations USING btree (user_id, created_at, id);

--
-- Name: conversations_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX conversations_search ON public.conversations USING gin (public.own_words(user_id, search)) WITH (gin_pending_list_limit='64');

--
-- Name: credit_transactions_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX credit_transactions_age ON public.credit_transactions USING btree (created_at) WHERE (type <> 'checkpoint'::text);

--
-- Name: daily_reviews_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX daily_reviews_search ON public.daily_reviews USING gin (public.own_words(user_id, search)) WITH (gin_pending_list_limit='64');

--
-- Name: foods_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX foods_date ON public.foods USING btree (user_id, date, id);

--
-- Name: goal_progress_goal; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX goal_progress_goal ON public.goal_progress USING btree (user_id, goal_id, date, id);

--
-- Name: goals_end_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX goals_end_date ON public.goals USING btree (user_id, COALESCE(end_date, 'infinity'::date), id) WHERE (priority >= 0);

--
-- Name: goals_parent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX goals_parent ON public.goals USING btree (user_id, parent_id, id) WHERE (parent_id IS NOT NULL);

--
-- Name: goals_previous_id_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX goals_previous_id_unique ON public.goals USING btree (user_id, previous_id) WHERE (previous_id IS NOT NULL);

--
-- Name: goals_priority; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX goals_priority ON public.goals USING btree (user_id, priority, id) WHERE (priority >= 0);

--
-- Name: goals_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX goals_search ON public.goals USING gin (public.own_words(user_id, search)) WITH (gin_pending_list_limit='64');

--
-- Name: habit_comments_day; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX habit_comments_day ON public.habit_comments USING btree (user_id, habit_id, date, id);

--
-- Name: habits_related_habit; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX habits_related_habit ON public.habits USING btree (user_id, related_habit_id) WHERE (related_habit_id IS NOT NULL);

--
-- Name: habits_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX habits_search ON public.habits USING gin (public.own_words(user_id, search)) WITH (gin_pending_list_limit='64');

--
-- Name: import_items_users; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX import_items_users ON public.import_items USING btree (source, source_key) WHERE (entity = 'users'::text);

--
-- Name: import_reports_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX import_reports_user ON public.import_reports USING btree (user_id) WHERE (user_id IS NOT NULL);

--
-- Name: mail_tokens_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX mail_tokens_expires_at ON public.mail_tokens USING btree (expires_at);

--
-- Name: media_blog_entry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_blog_entry ON public.media USING btree (user_id, blog_entry_id) WHERE (blog_entry_id IS NOT NULL);

--
-- Name: media_conversation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_conversation ON public.media USING btree (user_id, conversation_id) WHERE (conversation_id IS NOT NULL);

--
-- Name: media_daily_review; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_daily_review ON public.media USING btree (user_id, daily_review_id) WHERE (daily_review_id IS NOT NULL);

--
-- Name: media_deletions_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_deletions_due ON public.media_deletions USING btree (due_at);

--
-- Name: media_food; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_food ON public.media USING btree (user_id, food_id) WHERE (food_id IS NOT NULL);

--
-- Name: media_goal; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_goal ON public.media USING btree (user_id, goal_id) WHERE (goal_id IS NOT NULL);

--
-- Name: media_habit; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_habit ON public.media USING btree (user_id, habit_id) WHERE (habit_id IS NOT NULL);

--
-- Name: media_links_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_links_expires_at ON public.media_links USING btree (expires_at) WHERE (expires_at IS NOT NULL);

--
-- Name: media_links_media; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_links_media ON public.media_links USING btree (user_id, media_id);

--
-- Name: media_taggable; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_taggable ON public.media USING btree (user_id, taggable_id, id) WHERE (taggable_id IS NOT NULL);

--
-- Name: media_task; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_task ON public.media USING btree (user_id, task_id) WHERE (task_id IS NOT NULL);

--
-- Name: media_workout; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_workout ON public.media USING btree (user_id, workout_id) WHERE (workout_id IS NOT NULL);

--
-- Name: messages_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX messages_search ON public.messages USING gin (public.own_words(user_id, search)) WITH (fastupdate=off);

--
-- Name: outgoing_mails_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outgoing_mails_due ON public.outgoing_mails USING btree (due_at) WHERE (given_up_at IS NULL);

--
-- Name: outgoing_mails_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outgoing_mails_user ON public.outgoing_mails USING btree (user_id);

--
-- Name: pending_sign_ins_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_sign_ins_expires_at ON public.pending_sign_ins USING btree (expires_at);

--
-- Name: pending_sign_ins_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_sign_ins_user ON public.pending_sign_ins USING btree (user_id) WHERE (user_id IS NOT NULL);

--
-- Name: progress_snapshots_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX progress_snapshots_date ON public.progress_snapshots USING btree (user_id, date, id);

--
-- Name: query_cache_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX query_cache_expiry ON public.query_cache USING btree (expires_at);

--
-- Name: sessions_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_expires_at ON public.sessions USING btree (expires_at);

--
-- Name: sessions_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_user ON public.sessions USING btree (user_id, id);

--
-- Name: taggings_blog_entry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_blog_entry ON public.taggings USING btree (user_id, blog_entry_id) WHERE (blog_entry_id IS NOT NULL);

--
-- Name: taggings_conversation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_conversation ON public.taggings USING btree (user_id, conversation_id) WHERE (conversation_id IS NOT NULL);

--
-- Name: taggings_daily_review; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_daily_review ON public.taggings USING btree (user_id, daily_review_id) WHERE (daily_review_id IS NOT NULL);

--
-- Name: taggings_food; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_food ON public.taggings USING btree (user_id, food_id) WHERE (food_id IS NOT NULL);

--
-- Name: taggings_goal; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_goal ON public.taggings USING btree (user_id, goal_id) WHERE (goal_id IS NOT NULL);

--
-- Name: taggings_habit; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_habit ON public.taggings USING btree (user_id, habit_id) WHERE (habit_id IS NOT NULL);

--
-- Name: taggings_task; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_task ON public.taggings USING btree (user_id, task_id) WHERE (task_id IS NOT NULL);

--
-- Name: taggings_workout; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX taggings_workout ON public.taggings USING btree (user_id, workout_id) WHERE (workout_id IS NOT NULL);

--
-- Name: tasks_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tasks_due ON public.tasks USING btree (user_id, COALESCE(due_date, 'infinity'::date), id) WHERE (NOT completed);

--
-- Name: tasks_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tasks_id ON public.tasks USING btree (id);

--
-- Name: tasks_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tasks_search ON public.tasks USING gin (public.own_words(user_id, search)) WITH (gin_pending_list_limit='64');

--
-- Name: used_id_tokens_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX used_id_tokens_expires_at ON public.used_id_tokens USING btree (expires_at);

--
-- Name: users_email_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_email_unique ON public.users USING btree (public.normal_login(email));

--
-- Name: users_username_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_username_unique ON public.users USING btree (public.normal_login(username));

--
-- Name: workouts_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX workouts_date ON public.workouts USING btree (user_id, date, id);

--
-- Name: api_tokens api_tokens_ended; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_tokens_ended AFTER DELETE ON public.api_tokens FOR EACH ROW WHEN (((old.expires_at IS NULL) OR (old.expires_at > now()))) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: api_tokens api_tokens_narrowed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_tokens_narrowed AFTER UPDATE OF scopes, expires_at ON public.api_tokens FOR EACH ROW WHEN (((old.scopes IS DISTINCT FROM new.scopes) OR (old.expires_at IS DISTINCT FROM new.expires_at))) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: blog_entries blog_entries_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER blog_entries_touch BEFORE UPDATE ON public.blog_entries FOR EACH ROW WHEN ((new.view_count = old.view_count)) EXECUTE FUNCTION public.touch();

--
-- Name: blog_entries blog_entries_words; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER blog_entries_words BEFORE INSERT OR UPDATE OF title, excerpt, content, search ON public.blog_entries FOR EACH ROW EXECUTE FUNCTION public.blog_entries_words();

ALTER TABLE public.blog_entries ENABLE ALWAYS TRIGGER blog_entries_words;

--
-- Name: conversations conversations_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER conversations_touch BEFORE UPDATE ON public.conversations FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: conversations conversations_words; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER conversations_words BEFORE INSERT OR UPDATE OF title, search ON public.conversations FOR EACH ROW EXECUTE FUNCTION public.conversations_words();

ALTER TABLE public.conversations ENABLE ALWAYS TRIGGER conversations_words;

--
-- Name: daily_reviews daily_reviews_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER daily_reviews_touch BEFORE UPDATE ON public.daily_reviews FOR EACH ROW EXECUTE FUNCTION public.touch('search');

--
-- Name: foods foods_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER foods_touch BEFORE UPDATE ON public.foods FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: goal_progress goal_progress_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER goal_progress_touch BEFORE UPDATE ON public.goal_progress FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: goals goals_depth_of_moved; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER goals_depth_of_moved BEFORE UPDATE OF parent_id ON public.goals FOR EACH ROW WHEN (((new.parent_id IS NOT NULL) AND (new.parent_id IS DISTINCT FROM old.parent_id))) EXECUTE FUNCTION public.keep_goals_shallow();

--
-- Name: goals goals_depth_of_new; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER goals_depth_of_new BEFORE INSERT ON public.goals FOR EACH ROW WHEN ((new.parent_id IS NOT NULL)) EXECUTE FUNCTION public.keep_goals_shallow();

--
-- Name: goals goals_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER goals_touch BEFORE UPDATE ON public.goals FOR EACH ROW EXECUTE FUNCTION public.touch('search');

--
-- Name: habit_comments habit_comments_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER habit_comments_touch BEFORE UPDATE ON public.habit_comments FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: habit_entries habit_entries_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER habit_entries_touch BEFORE UPDATE ON public.habit_entries FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: habits habits_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER habits_touch BEFORE UPDATE ON public.habits FOR EACH ROW EXECUTE FUNCTION public.touch('search');

--
-- Name: identities identities_ended; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER identities_ended AFTER DELETE ON public.identities FOR EACH ROW EXECUTE FUNCTION public.notify_caller_changed();

--
-- Name: media media_deleted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER media_deleted AFTER DELETE ON public.media FOR EACH ROW EXECUTE FUNCTION public.remember_deleted_media();

--
-- Name: media_thumbnails media_thumbnail_deleted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER media_thumbnail_deleted AFTER DELETE ON public.media_thumbnails FOR EACH ROW WHEN ((old.storage_key IS NOT NULL)) EXECUTE FUNCTION public.remember_deleted_media();

--
-- Name: media media_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER media_touch BEFORE UPDATE ON public.media FOR EACH ROW EXECUTE FUNCTION public.touch('task_id', 'habit_id', 'goal_id', 'food_id', 'workout_id', 'daily_review_id', 'blog_entry_id', 'conversation_id');

--
-- Name: progress_snapshots progress_snapshots_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER progress_snapshots_touch BEFORE UPDATE ON public.progress_snapshots FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: sessions sessions_ended; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sessions_ended AFTER DELETE ON public.sessions FOR EACH ROW WHEN ((old.expires_at > now())) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: sessions sessions_shortened; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sessions_shortened AFTER UPDATE OF expires_at ON public.sessions FOR EACH ROW WHEN ((new.expires_at < old.expires_at)) EXECUTE FUNCTION public.notify_token_ended();

--
-- Name: tags tags_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tags_touch BEFORE UPDATE ON public.tags FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: tasks tasks_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tasks_touch BEFORE UPDATE ON public.tasks FOR EACH ROW EXECUTE FUNCTION public.touch('search');

--
-- Name: users users_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_changed AFTER UPDATE OF role, is_active, is_guest, timezone ON public.users FOR EACH ROW WHEN (((((old.role IS DISTINCT FROM new.role) OR (old.is_active IS DISTINCT FROM new.is_active)) OR (old.is_guest IS DISTINCT FROM new.is_guest)) OR (old.timezone IS DISTINCT FROM new.timezone))) EXECUTE FUNCTION public.notify_caller_changed();

--
-- Name: users users_deleted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_deleted AFTER DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION public.notify_caller_changed();

--
-- Name: users users_import_items; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_import_items AFTER DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION public.forget_import_items();

--
-- Name: users users_last_admin; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_last_admin BEFORE UPDATE OF role, is_active ON public.users FOR EACH ROW WHEN (((old.role = 'admin'::text) AND old.is_active AND (NOT ((new.role = 'admin'::text) AND new.is_active)))) EXECUTE FUNCTION public.keep_an_admin();

--
-- Name: users users_last_admin_stays; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_last_admin_stays BEFORE DELETE ON public.users FOR EACH ROW WHEN (((old.role = 'admin'::text) AND old.is_active)) EXECUTE FUNCTION public.keep_an_admin();

--
-- Name: users users_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_touch BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch_user();

--
-- Name: workouts workouts_touch; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workouts_touch BEFORE UPDATE ON public.workouts FOR EACH ROW EXECUTE FUNCTION public.touch();

--
-- Name: api_tokens api_tokens_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: blog_entries blog_entries_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blog_entries
    ADD CONSTRAINT blog_entries_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: consent_events consent_events_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consent_events
    ADD CONSTRAINT consent_events_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: conversations conversations_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: credit_accounts credit_accounts_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_accounts
    ADD CONSTRAINT credit_accounts_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: credit_transactions credit_transactions_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_transactions
    ADD CONSTRAINT credit_transactions_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: daily_reviews daily_reviews_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.daily_reviews
    ADD CONSTRAINT daily_reviews_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: foods foods_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foods
    ADD CONSTRAINT foods_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: goal_progress goal_progress_goal_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.goal_progress
    ADD CONSTRAINT goal_progress_goal_exists FOREIGN KEY (user_id, goal_id) REFERENCES public.goals(user_id, id) ON DELETE CASCADE;

--
-- Name: goal_progress goal_progress_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.goal_progress
    ADD CONSTRAINT goal_progress_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: goals goals_parent_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.goals
    ADD CONSTRAINT goals_parent_exists FOREIGN KEY (user_id, parent_id) REFERENCES public.goals(user_id, id) ON DELETE CASCADE;

--
-- Name: goals goals_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.goals
    ADD CONSTRAINT goals_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: habit_comments habit_comments_habit_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habit_comments
    ADD CONSTRAINT habit_comments_habit_exists FOREIGN KEY (user_id, habit_id) REFERENCES public.habits(user_id, id) ON DELETE CASCADE;

--
-- Name: habit_comments habit_comments_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habit_comments
    ADD CONSTRAINT habit_comments_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: habit_entries habit_entries_habit_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habit_entries
    ADD CONSTRAINT habit_entries_habit_exists FOREIGN KEY (user_id, habit_id) REFERENCES public.habits(user_id, id) ON DELETE CASCADE;

--
-- Name: habit_entries habit_entries_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habit_entries
    ADD CONSTRAINT habit_entries_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: habits habits_related_habit_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habits
    ADD CONSTRAINT habits_related_habit_exists FOREIGN KEY (user_id, related_habit_id) REFERENCES public.habits(user_id, id);

--
-- Name: habits habits_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.habits
    ADD CONSTRAINT habits_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: identities identities_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: import_changes import_changes_item_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_changes
    ADD CONSTRAINT import_changes_item_exists FOREIGN KEY (user_id, entity, source_key, source) REFERENCES public.import_items(user_id, entity, source_key, source) ON DELETE CASCADE;

--
-- Name: import_reports import_reports_import_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_reports
    ADD CONSTRAINT import_reports_import_exists FOREIGN KEY (import_id) REFERENCES public.imports(id);

--
-- Name: import_reports import_reports_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_reports
    ADD CONSTRAINT import_reports_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: mail_tokens mail_tokens_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_tokens
    ADD CONSTRAINT mail_tokens_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: media media_blog_entry_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_blog_entry_exists FOREIGN KEY (user_id, blog_entry_id) REFERENCES public.blog_entries(user_id, id) ON DELETE CASCADE;

--
-- Name: media media_conversation_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_conversation_exists FOREIGN KEY (user_id, conversation_id) REFERENCES public.conversations(user_id, id) ON DELETE CASCADE;

--
-- Name: media media_daily_review_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_daily_review_exists FOREIGN KEY (user_id, daily_review_id) REFERENCES public.daily_reviews(user_id, id) ON DELETE CASCADE;

--
-- Name: media media_food_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_food_exists FOREIGN KEY (user_id, food_id) REFERENCES public.foods(user_id, id) ON DELETE CASCADE;

--
-- Name: media media_goal_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_goal_exists FOREIGN KEY (user_id, goal_id) REFERENCES public.goals(user_id, id) ON DELETE CASCADE;

--
-- Name: media media_habit_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_habit_exists FOREIGN KEY (user_id, habit_id) REFERENCES public.habits(user_id, id) ON DELETE CASCADE;

--
-- Name: media_links media_links_media_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_links
    ADD CONSTRAINT media_links_media_exists FOREIGN KEY (user_id, media_id) REFERENCES public.media(user_id, id) ON DELETE CASCADE;

--
-- Name: media_links media_links_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_links
    ADD CONSTRAINT media_links_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: media media_task_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_task_exists FOREIGN KEY (user_id, task_id) REFERENCES public.tasks(user_id, id) ON DELETE CASCADE;

--
-- Name: media_thumbnails media_thumbnails_media_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_thumbnails
    ADD CONSTRAINT media_thumbnails_media_exists FOREIGN KEY (user_id, media_id) REFERENCES public.media(user_id, id) ON DELETE CASCADE;

--
-- Name: media_thumbnails media_thumbnails_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media_thumbnails
    ADD CONSTRAINT media_thumbnails_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: media media_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: media media_workout_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_workout_exists FOREIGN KEY (user_id, workout_id) REFERENCES public.workouts(user_id, id) ON DELETE CASCADE;

--
-- Name: messages messages_conversation_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_conversation_exists FOREIGN KEY (user_id, conversation_id) REFERENCES public.conversations(user_id, id) ON DELETE CASCADE;

--
-- Name: messages messages_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: outgoing_mails outgoing_mails_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outgoing_mails
    ADD CONSTRAINT outgoing_mails_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: pending_sign_ins pending_sign_ins_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending_sign_ins
    ADD CONSTRAINT pending_sign_ins_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: progress_snapshots progress_snapshots_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.progress_snapshots
    ADD CONSTRAINT progress_snapshots_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: sessions sessions_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: storage_use storage_use_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.storage_use
    ADD CONSTRAINT storage_use_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: taggings taggings_blog_entry_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_blog_entry_exists FOREIGN KEY (user_id, blog_entry_id) REFERENCES public.blog_entries(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_conversation_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_conversation_exists FOREIGN KEY (user_id, conversation_id) REFERENCES public.conversations(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_daily_review_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_daily_review_exists FOREIGN KEY (user_id, daily_review_id) REFERENCES public.daily_reviews(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_food_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_food_exists FOREIGN KEY (user_id, food_id) REFERENCES public.foods(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_goal_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_goal_exists FOREIGN KEY (user_id, goal_id) REFERENCES public.goals(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_habit_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_habit_exists FOREIGN KEY (user_id, habit_id) REFERENCES public.habits(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_tag_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_tag_exists FOREIGN KEY (user_id, tag_id) REFERENCES public.tags(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_task_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_task_exists FOREIGN KEY (user_id, task_id) REFERENCES public.tasks(user_id, id) ON DELETE CASCADE;

--
-- Name: taggings taggings_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: taggings taggings_workout_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.taggings
    ADD CONSTRAINT taggings_workout_exists FOREIGN KEY (user_id, workout_id) REFERENCES public.workouts(user_id, id) ON DELETE CASCADE;

--
-- Name: tags tags_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: tasks tasks_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: usage usage_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage
    ADD CONSTRAINT usage_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: workout_exercises workout_exercises_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workout_exercises
    ADD CONSTRAINT workout_exercises_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: workout_exercises workout_exercises_workout_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workout_exercises
    ADD CONSTRAINT workout_exercises_workout_exists FOREIGN KEY (user_id, workout_id) REFERENCES public.workouts(user_id, id) ON DELETE CASCADE;

--
-- Name: workouts workouts_user_exists; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workouts
    ADD CONSTRAINT workouts_user_exists FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- PostgreSQL database dump complete
--

--
-- Dbmate schema migrations
--

INSERT INTO public.schema_migrations (version) VALUES
    ('20261121000100'),
    ('20261121000200'),
    ('20261121000300'),
    ('20261121000400'),
    ('20261121000500'),
    ('20261121000600'),
    ('20261121000700'),
    ('20261121000800'),
    ('20261121000900'),
    ('20261121001000'),
    ('20261121001100'),
    ('20261121001110'),
    ('20261121001200'),
    ('20261121001300'),
    ('20261121001400'),
    ('20261121001500'),
    ('20261121001600'),
    ('20261121001800'),
    ('20261121001900'),
    ('20261121002000'),
    ('20261121002100'),
    ('20261121002200'),
    ('20261121002300'),
    ('20261121002400'),
    ('20261121002600'),
    ('20261121002710'),
    ('20261121002720'),
    ('20261121002730'),
    ('20261121003000'),
    ('20261121004000'),
    ('20261121004200'),
    ('20261121004300'),
    ('20261121004310'),
    ('20261121004500'),
    ('20261121004600'),
    ('20261121005000'),
    ('20261121005010'),
    ('20261121005020'),
    ('20261121006000'),
    ('20261121006010'),
    ('20261121006020'),
    ('20261121006030'),
    ('20261121006035'),
    ('20261121006040'),
    ('20261121007000'),
    ('20261121007010'),
    ('20261121008000'),
    ('20261121008010'),
    ('20261121008050'),
    ('20261121008100'),
    ('20261121009000'),
    ('20261122000100'),
    ('20261122030100'),
    ('20261122030200'),
    ('20261122030300'),
    ('20261122030400'),
    ('20261122040000'),
    ('20261122040100'),
    ('20261122050000'),
    ('20261122050010'),
    ('20261122050020'),
    ('20261122050030'),
    ('20261122060000'),
    ('20261122070000'),
    ('20261122070100'),
    ('20261122070101'),
    ('20261122080000'),
    ('20261122080010'),
    ('20261122080020'),
    ('20261122080030'),
    ('20261122080040'),
    ('20261122081010'),
    ('20261122081011'),
    ('20261122081020'),
    ('20261122081021'),
    ('20261122081030'),
    ('20261123000000'),
    ('20261123000010'),
    ('20261123000020'),
    ('20261123000030'),
    ('20261123010000'),
    ('20261123020000'),
    ('20261123021000'),
    ('20261123022000'),
    ('20261123022010'),
    ('20261123022020'),
    ('20261123025000'),
    ('20261123026000'),
    ('20261123030000'),
    ('20261123030010'),
    ('20261123030020'),
    ('20261123040000'),
    ('20261123040010'),
    ('20261123040020'),
    ('20261123060000'),
    ('20261123060010'),
    ('20261123070000'),
    ('20261123080000'),
    ('20261123080010'),
    ('20261123080020');
