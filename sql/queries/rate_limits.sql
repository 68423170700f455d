-- name: hit(bucket, maximum, seconds)^
-- tenant: none, it counts addresses and login names, before anyone is known
-- One attempt in a fixed window. retry_after is in seconds, 1 at least.
insert into rate_limits as r (bucket, window_start, hits)
values (:bucket, to_timestamp(floor(extract(epoch from now()) / :seconds::integer) * :seconds::integer), 1)
on conflict (bucket, window_start) do update set hits = r.hits + 1
returning hits <= :maximum as allowed,
    greatest(1, ceil(extract(epoch from r.window_start + make_interval(secs => :seconds) - now())))::integer
        as retry_after;
