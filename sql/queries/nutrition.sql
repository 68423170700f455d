-- name: create(user_id, id, new)^
-- new is the food as JSON. No row: the chosen id is taken by this user's own food; send get() as a second statement.
insert into foods (
    user_id, id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes)
select :user_id, :id, p.date, p.time, p.meal_type, p.name, p.portion, p.calories, p.protein_g, p.carbs_g,
    p.fats_g, p.fiber_g, p.sugar_g, p.sodium_mg, p.is_favorite, p.notes
from jsonb_populate_record(null::foods, :new::jsonb) p
on conflict (user_id, id) do nothing
returning id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes, created_at, updated_at, version;

-- name: create_many(user_id, id, new)
-- create() for several calls at once, as in tasks.create_many.
insert into foods (
    user_id, id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes)
select sent.user_id, sent.id, p.date, p.time, p.meal_type, p.name, p.portion, p.calories, p.protein_g, p.carbs_g,
    p.fats_g, p.fiber_g, p.sugar_g, p.sodium_mg, p.is_favorite, p.notes
from unnest(:user_id::uuid[], :id::uuid[], :new::text[]) as sent (user_id, id, new)
cross join jsonb_populate_record(null::foods, sent.new::jsonb) p
order by sent.user_id, sent.id
on conflict (user_id, id) do nothing
returning id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes, created_at, updated_at, version, array_position(:id::uuid[], id) as place;

-- name: get(user_id, id)^
select id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes, created_at, updated_at, version
from foods
where user_id = :user_id and id = :id;

-- name: get_many(user_id, id)
-- get() for several calls at once; place says which of them a row is for.
select id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join foods using (user_id, id);

-- name: page_newest(user_id, from_date, meal_type, is_favorite, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Latest day first, each row as JSON. A null filter means "do not filter". after_date and after_id are those of the last row
-- of the previous page; the first page passes the last day of the range and the highest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(food), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'foods', food.id) t))
        else row_to_json(food)::text end as json
    from (
        select id, date, rfc3339(time) as time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g,
            sugar_g, sodium_mg, is_favorite, notes, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from (
            select id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
                is_favorite, notes, created_at, updated_at, version
            from foods
            where user_id = :user_id
              and date >= :from_date
              and (date, id) < (:after_date, :after_id)
            order by date desc, id desc
            limit walked_rows()) foods
        where (:meal_type::text is null or meal_type = :meal_type)
          and (:is_favorite::boolean is null or is_favorite = :is_favorite)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or foods.id in (select t.id from tagged(:user_id, 'foods', :tags) t))
        order by date desc, id desc
        limit :limit) food)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, date, id
        from foods
        where user_id = :user_id
          and date >= :from_date
          and (date, id) < (:after_date, :after_id)
        order by date desc, id desc
        offset walked_rows() - 1 limit 1) last)
    limit :limit
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: page_oldest(user_id, to_date, meal_type, is_favorite, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Earliest day first; the first page passes the first day of the range and the lowest id of all.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(food), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'foods', food.id) t))
        else row_to_json(food)::text end as json
    from (
        select id, date, rfc3339(time) as time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g,
            sugar_g, sodium_mg, is_favorite, notes, rfc3339(created_at) as created_at,
            rfc3339(updated_at) as updated_at, version
        from (
            select id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
                is_favorite, notes, created_at, updated_at, version
            from foods
            where user_id = :user_id
              and date <= :to_date
              and (date, id) > (:after_date, :after_id)
            order by date, id
            limit walked_rows()) foods
        where (:meal_type::text is null or meal_type = :meal_type)
          and (:is_favorite::boolean is null or is_favorite = :is_favorite)
          and (:since::bigint is null or version > :since)
          and (:tags::text[] is null or foods.id in (select t.id from tagged(:user_id, 'foods', :tags) t))
        order by date, id
        limit :limit) food)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, date, id
        from foods
        where user_id = :user_id
          and date <= :to_date
          and (date, id) > (:after_date, :after_id)
        order by date, id
        offset walked_rows() - 1 limit 1) last)
    limit :limit
    offset 0),
measured as (
    select json, sum(octet_length(json)) over (rows unbounded preceding) - octet_length(json) as bytes_before
    from listed),
counted as (
    select json, count(*) filter (where bytes_before >= :bytes) over (rows unbounded preceding) as ended
    from measured)
select case when ended = 0 then json end as json
from counted
where ended <= 1;

-- name: total(user_id, from_date, to_date, meal_type, is_favorite, since, tags)^
-- How many foods pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, meal_type, is_favorite, version
        from foods
        where user_id = :user_id
          and date <= :to_date
          and (date, id) >= (:from_date, '00000000-0000-0000-0000-000000000000')
        order by date, id
        limit counted_rows()) foods
    where (:meal_type::text is null or meal_type = :meal_type)
      and (:is_favorite::boolean is null or is_favorite = :is_favorite)
      and (:since::bigint is null or version > :since)
      and (:tags::text[] is null or foods.id in (select t.id from tagged(:user_id, 'foods', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from foods
        where user_id = :user_id
          and date <= :to_date
          and (date, id) >= (:from_date, '00000000-0000-0000-0000-000000000000')
        order by date, id
        offset counted_rows()) as total_is_exact
from found;

-- name: summary(user_id, from_date, to_date, by)
-- Earliest day (by = week: Monday) first; days without food are left out. Without dates: the 30 days that end today, in the
-- user's time zone. sum() ignores nulls, and is null where all values are.
with asked as (
    select coalesce(:from_date::date, (now() at time zone u.timezone)::date - 29) as from_date,
        coalesce(:to_date::date, (now() at time zone u.timezone)::date) as to_date
    from users u
    where u.id = :user_id)
select case :by::text when 'week' then date_trunc('week', f.date::timestamp)::date else f.date end as date,
    count(f.id)::integer as entries, sum(f.calories) as calories, sum(f.protein_g) as protein_g, sum(f.carbs_g) as carbs_g,
    sum(f.fats_g) as fats_g, sum(f.fiber_g) as fiber_g, sum(f.sugar_g) as sugar_g, sum(f.sodium_mg) as sodium_mg
from asked a cross join foods f
where f.user_id = :user_id
  and f.date between a.from_date and a.to_date
group by 1
order by 1;

-- name: patch(user_id, id, versions, changes)^
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Null versions: any.
-- No row: not this user's, or not at one of them.
update foods f
set (date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg, is_favorite,
    notes) = (
    select p.date, p.time, p.meal_type, p.name, p.portion, p.calories, p.protein_g, p.carbs_g, p.fats_g, p.fiber_g,
        p.sugar_g, p.sodium_mg, p.is_favorite, p.notes
    from jsonb_populate_record(f, :changes::jsonb) p)
where f.user_id = :user_id
  and f.id = :id
  and (:versions::int8multirange is null or f.version <@ :versions)
returning f.id, f.date, f.time, f.meal_type, f.name, f.portion, f.calories, f.protein_g, f.carbs_g, f.fats_g, f.fiber_g,
    f.sugar_g, f.sodium_mg, f.is_favorite, f.notes, f.created_at, f.updated_at, f.version;

-- name: patch_many(user_id, id, changes)
-- patch() of any version for several calls at once, as in tasks.patch_many.
with locked_food as (
    select f.user_id, f.id, sent.changes, sent.place
    from unnest(:user_id::uuid[], :id::uuid[], :changes::text[]) with ordinality as sent (user_id, id, changes, place)
    join foods f on f.user_id = sent.user_id and f.id = sent.id
    for no key update of f skip locked)
update foods f
set (date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg, is_favorite,
    notes) = (
    select p.date, p.time, p.meal_type, p.name, p.portion, p.calories, p.protein_g, p.carbs_g, p.fats_g, p.fiber_g,
        p.sugar_g, p.sodium_mg, p.is_favorite, p.notes
    from jsonb_populate_record(f, l.changes::jsonb) p)
from locked_food l
where f.user_id = l.user_id and f.id = l.id
returning f.id, f.date, f.time, f.meal_type, f.name, f.portion, f.calories, f.protein_g, f.carbs_g, f.fats_g, f.fiber_g,
    f.sugar_g, f.sodium_mg, f.is_favorite, f.notes, f.created_at, f.updated_at, f.version, l.place;

-- name: copy(user_id, id, source_id, date)^
-- The food again on another day, with its tags. No row: there is no such food, or the chosen id is taken by this user's own.
with inserted_food as (
    insert into foods (
        user_id, id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
        is_favorite, notes)
    select :user_id, :id, :date, f.time, f.meal_type, f.name, f.portion, f.calories, f.protein_g, f.carbs_g, f.fats_g,
        f.fiber_g, f.sugar_g, f.sodium_mg, f.is_favorite, f.notes
    from foods f
    where f.user_id = :user_id and f.id = :source_id
    on conflict (user_id, id) do nothing
    returning id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
        is_favorite, notes, created_at, updated_at, version),
found_tagging as materialized (
    select new_id() as id, tag_id, taggable_type
    from taggings
    where user_id = :user_id and food_id = :source_id),
copied_tagging as (
    insert into taggings (user_id, id, tag_id, taggable_type, taggable_id)
    select f.user_id, t.id, t.tag_id, t.taggable_type, i.id
    from foods f
    cross join inserted_food i
    cross join found_tagging t
    where f.user_id = :user_id and f.id = :source_id)
select id, date, time, meal_type, name, portion, calories, protein_g, carbs_g, fats_g, fiber_g, sugar_g, sodium_mg,
    is_favorite, notes, created_at, updated_at, version
from inserted_food;

-- name: delete(user_id, id, versions)!
-- Null versions: any.
delete from foods
where user_id = :user_id
  and id = :id
  and (:versions::int8multirange is null or version <@ :versions);
