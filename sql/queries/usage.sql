-- name: get(user_id, daily_limit, monthly_limit)^
-- batch: none, it is not asked for by many at once
-- What is left today and this month, in UTC. Writes nothing: a reset that is due shows 0 used; a user without a row is shown
-- as free, with these limits.
select
    coalesce(u.tier, 'free') as tier,
    case when u.last_reset_daily >= d.today then u.daily_used else 0 end as daily_used,
    case when u.user_id is null then :daily_limit::integer else u.daily_limit end as daily_limit,
    (d.today + 1)::timestamp at time zone 'UTC' as daily_resets_at,
    case when u.last_reset_monthly >= d.month then u.monthly_used else 0 end as monthly_used,
    case when u.user_id is null then :monthly_limit::integer else u.monthly_limit end as monthly_limit,
    (d.month + interval '1 month') at time zone 'UTC' as monthly_resets_at,
    coalesce(u.total_queries, 0) as total_queries,
    u.subscription_id, u.subscription_status
from (
    select
        (now() at time zone 'UTC')::date as today,
        date_trunc('month', now() at time zone 'UTC')::date as month) d
left join usage u on u.user_id = :user_id;

-- name: create(user_id, daily_limit, monthly_limit)!
-- A user's row at first use, as free. 0: it is there.
insert into usage (user_id, tier, daily_limit, monthly_limit)
values (:user_id, 'free', :daily_limit, :monthly_limit)
on conflict (user_id) do nothing;

-- name: consume(user_id, amount)!
-- Takes an amount from what is left, after the resets that are due. 0: there is less left, or no row yet.
-- conversations.append_user_message does the same for one message, in the statement that stores it.
update usage u
set daily_used = case when u.last_reset_daily < d.today then 0 else u.daily_used end + :amount::integer,
    monthly_used = case when u.last_reset_monthly < d.month then 0 else u.monthly_used end + :amount::integer,
    total_queries = u.total_queries + :amount::integer,
    last_reset_daily = greatest(u.last_reset_daily, d.today),
    last_reset_monthly = greatest(u.last_reset_monthly, d.month)
from (
    select
        (now() at time zone 'UTC')::date as today,
        date_trunc('month', now() at time zone 'UTC')::date as month) d
where u.user_id = :user_id
  and (u.daily_limit is null
      or case when u.last_reset_daily < d.today then 0 else u.daily_used end + :amount::integer <= u.daily_limit)
  and (u.monthly_limit is null
      or case when u.last_reset_monthly < d.month then 0 else u.monthly_used end + :amount::integer <= u.monthly_limit);

-- name: set_tier(user_id, tier, daily_limit, monthly_limit, subscription_id, subscription_status)!
-- A null limit is none. What was used stays used. 0: there is no such user.
insert into usage (user_id, tier, daily_limit, monthly_limit, subscription_id, subscription_status)
select id, :tier, :daily_limit::integer, :monthly_limit::integer, :subscription_id::text, :subscription_status::text
from users
where id = :user_id
on conflict (user_id) do update
set tier = excluded.tier,
    daily_limit = excluded.daily_limit,
    monthly_limit = excluded.monthly_limit,
    subscription_id = excluded.subscription_id,
    subscription_status = excluded.subscription_status;
