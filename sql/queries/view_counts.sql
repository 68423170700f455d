-- name: add(user_id, id, views)!
-- Locked in one order, so that two workers do not wait for each other.
with locked_entry as (
    select b.user_id, b.id, v.views
    from unnest(:user_id::uuid[], :id::uuid[], :views::bigint[]) as v (user_id, id, views)
    join blog_entries b on b.user_id = v.user_id and b.id = v.id
    order by b.user_id, b.id
    for no key update of b)
update blog_entries b
set view_count = b.view_count + l.views
from locked_entry l
where b.user_id = l.user_id and b.id = l.id;
