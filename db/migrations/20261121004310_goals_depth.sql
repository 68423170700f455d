-- migrate:up

-- A tree is answered with at most 100 levels (rules.tree), so no goal may become the 101st: neither a new one nor one that moves
-- with what is below it. In the database, whatever way the row comes; docs/decisions/0034. What is walked is bounded: 100 goals
-- upwards, 10,000 downwards. The laterals are as in goals.tree.
create function keep_goals_shallow() returns trigger language plpgsql as $$
declare
    above integer;
    below integer := 0;
begin
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
            message = 'a goal is too deep', table = 'goals', constraint = 'goals_depth';
    end if;
    return new;
end $$;

comment on function keep_goals_shallow is 'Refuses a goal below the 100th level.';

create trigger goals_depth_of_new before insert on goals
for each row when (new.parent_id is not null) execute function keep_goals_shallow();
create trigger goals_depth_of_moved before update of parent_id on goals
for each row when (new.parent_id is not null and new.parent_id is distinct from old.parent_id)
execute function keep_goals_shallow();

comment on column goals.parent_id is
    'A goal of the same user; a circle is refused by the statement that moves a goal (goals.patch), a chain of more than 100 goals by '
    'a trigger.';

-- migrate:down
drop trigger goals_depth_of_moved on goals;
drop trigger goals_depth_of_new on goals;
drop function keep_goals_shallow();

comment on column goals.parent_id is 'A goal of the same user; cycles are refused by the statement that moves a goal (goals.move).';
