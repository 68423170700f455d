-- name: hit(name, subject, maximum, seconds)$
-- tenant: none, it counts addresses and login names, before the caller is known
-- One attempt in a fixed window. 0: it is allowed; otherwise the seconds until the next window, 1 at least. The subject is
-- brought into the form in which accounts are looked up, so that no other spelling of it is counted apart.
insert into rate_limits as r (bucket, window_start, hits)
values (
    :name::text || ':' || left(encode(sha256(convert_to(normal_login(:subject), 'UTF8')), 'hex'), 32),
    to_timestamp(floor(extract(epoch from now()) / :seconds::integer) * :seconds::integer), 1)
on conflict (bucket, window_start) do update set hits = r.hits + 1
returning case when hits <= :maximum then 0
    else greatest(1, ceil(extract(epoch from r.window_start + make_interval(secs => :seconds) - now())))::integer
    end as retry_after;

-- name: hit_with_pauses(name, subject, maximum, seconds)$
-- tenant: none, it counts addresses and login names, before the caller is known
-- As hit(), but past the maximum one attempt is let through after a second, the next one after two, then four, and so on: no
-- one can lock an owner out. Attempts that are refused are not counted. 0: it is allowed; otherwise the seconds left.
with attempt as (
    select :name::text || ':' || left(encode(sha256(convert_to(normal_login(:subject), 'UTF8')), 'hex'), 32) as bucket,
        to_timestamp(floor(extract(epoch from now()) / :seconds::integer) * :seconds::integer) as window_start),
counted_attempt as (
    insert into rate_limits as r (bucket, window_start, hits, last_hit_at)
    select bucket, window_start, 1, clock_timestamp()
    from attempt
    on conflict (bucket, window_start) do update
    set hits = r.hits + 1, last_hit_at = clock_timestamp()
    where r.hits < :maximum::integer
       or r.last_hit_at + make_interval(secs => power(2, least(r.hits - :maximum::integer, 20))) <= clock_timestamp()
    returning hits)
select case when exists (select from counted_attempt) then 0
    else coalesce((
        select greatest(1, ceil(extract(epoch from least(
            r.last_hit_at + make_interval(secs => power(2, least(greatest(r.hits - :maximum::integer, 0), 20))),
            r.window_start + make_interval(secs => :seconds::integer)) - clock_timestamp())))::integer
        from rate_limits r
        join attempt a on a.bucket = r.bucket and a.window_start = r.window_start), 1)
    end as retry_after;

-- name: delete_past_windows(limit)!
-- tenant: none, it counts addresses and login names, before the caller is known
-- The longest window is an hour.
delete from rate_limits
where (bucket, window_start) in (
    select bucket, window_start from rate_limits where window_start < now() - interval '2 hours' limit :limit);
