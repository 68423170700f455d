-- migrate:up
create function reaches_target(value numeric, skipped boolean, target_value numeric) returns boolean
language sql immutable parallel safe
return coalesce(not skipped and case when target_value is null then value > 0 else value >= target_value end, false);

comment on function reaches_target is
    'Whether an entry of a numeric habit is completed, where that is not said; no target: by any value above 0.';

-- migrate:down
drop function reaches_target(numeric, boolean, numeric);
