-- $2 tasks for each user of $1. The ids carry the time of making, so they stand in the order of n; PostgreSQL's own function
-- makes a million of them sooner than new_id().
insert into tasks (user_id, id, title, description, completed, completed_at, due_date, priority)
select u.user_id, uuidv7(), format('Task %s: water the plants on the balcony', n),
    case when n % 2 = 0 then format('The ficus too, and the %s others; not more than a cup each.', n) end,
    n % 3 = 0, case when n % 3 = 0 then now() end, case when n % 2 = 0 then '2026-11-01'::date + n % 60 end, nullif(n % 6, 0)
from unnest($1::uuid[]) as u (user_id), generate_series(1, $2::integer) n;
