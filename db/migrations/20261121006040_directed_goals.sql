-- migrate:up

-- The table is read once more under the lock: taken before the first release, in which no table is large.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint
alter table goals
    add column start_value numeric,
    drop constraint goals_goal_type_known,
    add constraint goals_goal_type_known check (goal_type in ('daily', 'weekly', 'monthly', 'yearly', 'life')),
    drop constraint goals_target_value_range,
    add constraint goals_target_value_range check (target_value between -1000000000 and 1000000000);
alter table goals
    add constraint goals_start_value_range check (start_value between -1000000000 and 1000000000),
    add constraint goals_target_value_direction
        check (case when start_value is null then target_value > 0 else target_value <> start_value end);

-- 0 to 100 and never null, so that a client can draw it: how much of the way from the start to the target is done, to two
-- decimals; either may be the greater. What is completed is at 100. A goal that has a target and no progress is at 0, and so is
-- one without a target.
create function goal_percentage(status text, start_value numeric, target_value numeric, current_value numeric) returns numeric
language sql immutable parallel safe
return case
    when status = 'completed' then 100
    when target_value is not null then
        trim_scale(greatest(0, least(100, round(
            100 * (coalesce(current_value, start_value, 0) - coalesce(start_value, 0))
            / (target_value - coalesce(start_value, 0)), 2))))
    else 0
end;
drop function goal_percentage(text, numeric, numeric);

comment on column goals.start_value is
    'Where the way to target_value begins: 0 where it is null. It gives goals that go down their direction.';

-- migrate:down
create function goal_percentage(status text, target_value numeric, current_value numeric) returns numeric
language sql immutable parallel safe
return case
    when target_value is not null then
        trim_scale(greatest(0, least(100, round(100 * coalesce(current_value, 0) / target_value, 2))))
    when status = 'completed' then 100
    else 0
end;
drop function goal_percentage(text, numeric, numeric, numeric);

-- Without its start the way to such a target has no length: every page with it would be divided by 0.
update goals set target_value = null where target_value <= 0;
-- Goals for life stay, and cannot be changed.
alter table goals
    drop constraint goals_target_value_direction,
    drop constraint goals_target_value_range,
    add constraint goals_target_value_range check (target_value > 0 and target_value <= 1000000000),
    drop constraint goals_goal_type_known,
    add constraint goals_goal_type_known check (goal_type in ('daily', 'weekly', 'monthly', 'yearly')) not valid;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table goals drop column start_value;
