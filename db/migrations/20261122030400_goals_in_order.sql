-- migrate:up

-- goals.page_priority and goals.page_end_date. Every goal has a priority of 0 or more: the predicate keeps these indexes for the
-- statements that repeat it. Without it the planner would take them for reads by key, while the table is small.
-- squawk-ignore require-concurrent-index-creation
create index goals_priority on goals (user_id, priority, id) where priority >= 0;
-- squawk-ignore require-concurrent-index-creation
create index goals_end_date on goals (user_id, coalesce(end_date, 'infinity'::date), id) where priority >= 0;

-- migrate:down
-- squawk-ignore require-concurrent-index-deletion
drop index goals_end_date;
-- squawk-ignore require-concurrent-index-deletion
drop index goals_priority;
