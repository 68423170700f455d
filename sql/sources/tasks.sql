-- name: users()
select *, 0 as others, 0 as passwords from users order by id;

-- name: users_with_accounts()
-- Better Auth keeps hashes beside the accounts elsewhere: how many others a user has, how many passwords, and one of these.
select u.*, coalesce(a.others, 0) as others, coalesce(a.passwords, 0) as passwords, a.account_hash
from users u
left join (
    select user_id, count(*) filter (where provider_id <> 'credential') as others,
        count(password) filter (where provider_id = 'credential') as passwords,
        min(password) filter (where provider_id = 'credential') as account_hash
    from accounts
    group by user_id) a on a.user_id = u.id
order by u.id;

-- name: accounts()
select a.*, u.id as found_user, u.email as user_email, u.created_at as user_created_at
from accounts a
left join users u on u.id = a.user_id
order by a.user_id, a.provider_id;

-- name: tasks()
select t.*, u.created_at as user_created_at
from tasks t
left join users u on u.id = t.user_id
order by t.id;

-- name: count_users()$
select count(*) from users;

-- name: count_accounts()$
select count(*) from accounts;

-- name: count_tasks()$
select count(*) from tasks;
