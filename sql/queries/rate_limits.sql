-- name: hit(bucket, maximum, seconds)$
-- tenant: none, it counts addresses and login names, before the caller is known
-- One attempt in a fixed window. 0: it is allowed; otherwise the seconds until the next window, 1 at least.
insert into rate_limits as r (bucket, window_start, hits)
values (:bucket, to_timestamp(floor(extract(epoch from now()) / :seconds::integer) * :seconds::integer), 1)
on conflict (bucket, window_start) do update set hits = r.hits + 1
returning case when hits <= :maximum then 0
    else greatest(1, ceil(extract(epoch from r.window_start + make_interval(secs => :seconds) - now())))::integer
    end as retry_after;

-- name: delete_past_windows(limit)!
-- tenant: none, it counts addresses and login names, before the caller is known
-- The longest window is an hour.
delete from rate_limits
where (bucket, window_start) in (
    select bucket, window_start from rate_limits where window_start < now() - interval '2 hours' limit :limit);
