-- Every row of some users as it is stored, with the list and the key by which a client knows it.
select user_id, '/v1/tasks' as list, id::text as key, to_jsonb(t) as stored from tasks t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/habits', id::text, to_jsonb(t) from habits t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/habits/' || habit_id || '/entries', date::text, to_jsonb(t)
from habit_entries t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/habits/' || habit_id || '/entries/' || date || '/comments', id::text, to_jsonb(t)
from habit_comments t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/goals', id::text, to_jsonb(t) from goals t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/goals/' || goal_id || '/progress', id::text, to_jsonb(t)
from goal_progress t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/foods', id::text, to_jsonb(t) from foods t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/workouts', id::text,
    to_jsonb(t) || jsonb_build_object('exercises', (
        select coalesce(jsonb_agg(to_jsonb(e) order by e.position), '[]')
        from workout_exercises e where e.user_id = t.user_id and e.workout_id = t.id))
from workouts t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/daily-reviews', date::text, to_jsonb(t) from daily_reviews t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/blog-entries', id::text, to_jsonb(t) - 'search' from blog_entries t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/tags', id::text, to_jsonb(t) from tags t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/tags/' || tag_id || '/taggings', taggable_type || '/' || taggable_id, to_jsonb(t)
from taggings t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/media', id::text, to_jsonb(t) from media t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/progress-snapshots', period || '/' || date, to_jsonb(t)
from progress_snapshots t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/conversations', id::text, to_jsonb(t) - 'search' from conversations t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/conversations/' || conversation_id || '/messages', seq::text, to_jsonb(t) - 'search'
from messages t where user_id = any ($1::uuid[])
union all
select user_id, '/v1/credits/transactions', seq::text, to_jsonb(t)
from credit_transactions t where user_id = any ($1::uuid[]) and type in ('deduct', 'refund')
union all
select user_id, '/v1/consents/history', source, to_jsonb(t) from consent_events t where user_id = any ($1::uuid[]);
