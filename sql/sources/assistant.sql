-- name: user_credits()
select *, 'user_credits.' || user_id as place from user_credits order by user_id;

-- name: count_user_credits()$
select count(*) from user_credits;

-- name: transactions()
select *, 'transactions.' || id as place from transactions order by timestamp, id;

-- name: count_transactions()$
select count(*) from transactions;

-- name: consents()
select *, 'consents.' || user_id as place from consents order by user_id;

-- name: count_consents()$
select count(*) from consents;

-- name: query_cache()
select *, 'query_cache.' || query_hash as place from query_cache order by query_hash;

-- name: count_query_cache()$
select count(*) from query_cache;
