-- name: has_citus()$
select exists (select from pg_extension where extname = 'citus');

-- name: plan_by_values()$
-- Whether Citus is there. Then the connection plans its statements by their values.
select set_config('plan_cache_mode', 'auto', false) is not null
from pg_extension
where extname = 'citus';
