-- migrate:up

-- What habits.stats and habits.overview count of one habit; the rules are in the docstring of app.habits.repository.stats.
-- PostgreSQL inlines it into both, so the planner sees its steps.
-- Days, weeks and months are numbers: 1900-01-01 is day 0 and a Monday, so day / 7 is the week. done and left_out are the days
-- up to today that were completed and that were skipped, in order: ten years are thousands of days, and each step over them as
-- rows costs more than reading them did. In a sorted array width_bucket(day, days) is how many days there are up to one.
-- The JSON lists come in the order in which generate_series and values give their rows: sorts of so few rows, several for each
-- of 100 habits, would cost as much as writing the JSON. mode() sorts, and takes the first of equally frequent weekdays.
-- judged_periods has the numbers of the periods that were met and of those that were excused: days, weeks, months, or the
-- habit's own days of the week, numbered one after another. A run of met periods ends where the next one is more than reach
-- further on, not counting excused ones: 1, or interval_days. The present period is not over: it ends no run.
create function habit_stats(
    frequency text, target_days integer, weekdays integer[], interval_days integer, today integer, began integer,
    done integer[], left_out integer[])
returns table (
    current_streak integer, longest_streak integer, completion_rate json, total_completed integer, by_week json, by_month json,
    best_weekday integer) language sql stable parallel safe as $$
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

comment on function habit_stats is 'Streaks, rates and totals of a habit, out of the numbers of its days.';

-- migrate:down
drop function habit_stats(text, integer, integer[], integer, integer, integer, integer[], integer[]);
