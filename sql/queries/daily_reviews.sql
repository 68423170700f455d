-- name: put(user_id, date, versions, new)^
-- Makes the review of a day or replaces it: is_made says which. new is the JSON of all its fields. A review that is
-- there is replaced at one of these versions; null: any. Version 0 among them: one may be made. It is locked first, so that
-- it is not changed or deleted in between; one that is made in between is not replaced, see version_for_put(): "on conflict"
-- names no parameter, which Citus would not send; the version is made in a step, as in habits.put_entry(). No row: a review at
-- another version, or none and 0 is not among them.
with locked_review as (
    select version from daily_reviews
    where user_id = :user_id and date = :date and :versions::int8multirange is not null
    for update),
proposed_review as (
    select p.mood, p.energy, p.productivity, p.sleep_quality, p.sleep_hours, p.water_ml, p.screen_minutes, p.steps,
        p.highlights, p.accomplishments, p.challenges, p.lessons, p.gratitude, p.tomorrow, l.version as locked_version,
        version_for_put(:versions::int8multirange is null or l.version is not null) as version
    from jsonb_populate_record(null::daily_reviews, :new::jsonb) p
    left join locked_review l on true)
insert into daily_reviews (
    user_id, id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow, version)
select
    :user_id, new_id(), :date, p.mood, p.energy, p.productivity, p.sleep_quality, p.sleep_hours, p.water_ml,
    p.screen_minutes, p.steps, p.highlights, p.accomplishments, p.challenges, p.lessons, p.gratitude, p.tomorrow, p.version
from proposed_review p
where :versions::int8multirange is null
   or p.locked_version <@ :versions
   or :versions @> 0::bigint and p.locked_version is null
on conflict (user_id, date) do update
set mood = excluded.mood,
    energy = excluded.energy,
    productivity = excluded.productivity,
    sleep_quality = excluded.sleep_quality,
    sleep_hours = excluded.sleep_hours,
    water_ml = excluded.water_ml,
    screen_minutes = excluded.screen_minutes,
    steps = excluded.steps,
    highlights = excluded.highlights,
    accomplishments = excluded.accomplishments,
    challenges = excluded.challenges,
    lessons = excluded.lessons,
    gratitude = excluded.gratitude,
    tomorrow = excluded.tomorrow
where excluded.version & 1 = 1
-- A replaced row was locked by this statement, whose id is in its xmax; a new row has none.
returning id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version,
    xmax = 0 as is_made;

-- name: get(user_id, date)^
select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version
from daily_reviews
where user_id = :user_id and date = :date;

-- name: get_many(user_id, date)
-- get() for several calls at once; place says which of them a row is for.
select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :date::date[]) with ordinality as sent (user_id, date, place)
join daily_reviews using (user_id, date);

-- name: get_by_id(user_id, id)^
select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version
from daily_reviews
where user_id = :user_id and id = :id;

-- name: get_by_id_many(user_id, id)
-- get_by_id() for several calls at once; place says which of them a row is for.
select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version, place
from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
join daily_reviews using (user_id, id);

-- name: page_newest(user_id, from_date, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Latest day first, each row as JSON. A day has one review, so the order is by date; the first page passes the last day of the
-- range and the highest id, a later page the date and the id of the last review before it.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(review), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'daily-reviews', review.id) t))
        else row_to_json(review)::text end as json
    from (
        select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
            highlights, accomplishments, challenges, lessons, gratitude, tomorrow,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
                highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version
            from daily_reviews
            where user_id = :user_id
              and date >= :from_date
              and (date, id) < (:after_date, :after_id)
            order by date desc
            limit walked_rows()) daily_reviews
        where (:since::bigint is null or version > :since)
          and (:tags::text[] is null or daily_reviews.id in (select t.id from tagged(:user_id, 'daily-reviews', :tags) t))
        order by date desc
        limit :limit) review)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, date, id
        from daily_reviews
        where user_id = :user_id
          and date >= :from_date
          and (date, id) < (:after_date, :after_id)
        order by date desc
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

-- name: page_oldest(user_id, to_date, since, tags, with_tags, after_date, after_id, limit, bytes)
-- Earliest day first; the first page passes the first day of the range and the lowest id.
-- A null after the row with which bytes are reached: there is more (docs/decisions/0031).
with listed as (
    (select case when :with_tags::boolean then with_tags(row_to_json(review), (
            select json_agg(row_to_json(t) order by t.name, t.id) from tags_of(:user_id, 'daily-reviews', review.id) t))
        else row_to_json(review)::text end as json
    from (
        select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
            highlights, accomplishments, challenges, lessons, gratitude, tomorrow,
            rfc3339(created_at) as created_at, rfc3339(updated_at) as updated_at, version
        from (
            select id, date, mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
                highlights, accomplishments, challenges, lessons, gratitude, tomorrow, created_at, updated_at, version
            from daily_reviews
            where user_id = :user_id
              and date <= :to_date
              and (date, id) > (:after_date, :after_id)
            order by date
            limit walked_rows()) daily_reviews
        where (:since::bigint is null or version > :since)
          and (:tags::text[] is null or daily_reviews.id in (select t.id from tagged(:user_id, 'daily-reviews', :tags) t))
        order by date
        limit :limit) review)
    union all
    (select row_to_json(last)::text
    from (
        select true as walked, date, id
        from daily_reviews
        where user_id = :user_id
          and date <= :to_date
          and (date, id) > (:after_date, :after_id)
        order by date
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

-- name: total(user_id, from_date, to_date, since, tags)^
-- How many reviews pass the filters of a list: 10,000 at most, of the first counted_rows(). Where there are more of either, it
-- is not exact.
with found as (
    select 1 as one
    from (
        select id, version
        from daily_reviews
        where user_id = :user_id
          and date <= :to_date
          and (date, id) >= (:from_date, '00000000-0000-0000-0000-000000000000')
        order by date
        limit counted_rows()) daily_reviews
    where (:since::bigint is null or version > :since)
      and (:tags::text[] is null or daily_reviews.id in (select t.id from tagged(:user_id, 'daily-reviews', :tags) t))
    limit 10001)
select least(count(one), 10000)::integer as total,
    count(one) <= 10000 and not exists (
        select 1
        from daily_reviews
        where user_id = :user_id
          and date <= :to_date
          and (date, id) >= (:from_date, '00000000-0000-0000-0000-000000000000')
        order by date
        offset counted_rows()) as total_is_exact
from found;

-- name: patch(user_id, date, id, versions, changes)^
-- Of the day, or where it is null, of the day of the review with this id: found by the same statement, or the review could
-- meanwhile have been deleted and another one made on its day.
-- changes is the JSON of a merge patch: an absent key keeps its column, null clears it. Null versions: any.
-- No row: no such review, or not at one of them.
update daily_reviews r
set (mood, energy, productivity, sleep_quality, sleep_hours, water_ml, screen_minutes, steps,
    highlights, accomplishments, challenges, lessons, gratitude, tomorrow) = (
    select p.mood, p.energy, p.productivity, p.sleep_quality, p.sleep_hours, p.water_ml, p.screen_minutes, p.steps,
        p.highlights, p.accomplishments, p.challenges, p.lessons, p.gratitude, p.tomorrow
    from jsonb_populate_record(r, :changes::jsonb) p)
where r.user_id = :user_id
  and r.date = coalesce(:date::date, (select d.date from daily_reviews d where d.user_id = :user_id and d.id = :id))
  and (:versions::int8multirange is null or r.version <@ :versions)
returning r.id, r.date, r.mood, r.energy, r.productivity, r.sleep_quality, r.sleep_hours, r.water_ml, r.screen_minutes, r.steps,
    r.highlights, r.accomplishments, r.challenges, r.lessons, r.gratitude, r.tomorrow, r.created_at, r.updated_at, r.version;

-- name: delete(user_id, date, id, versions)!
-- Of the day, or of the id, as patch. Null versions: any.
delete from daily_reviews r
where r.user_id = :user_id
  and r.date = coalesce(:date::date, (select d.date from daily_reviews d where d.user_id = :user_id and d.id = :id))
  and (:versions::int8multirange is null or r.version <@ :versions);
