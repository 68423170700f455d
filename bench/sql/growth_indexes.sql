-- The indexes that are made sooner when the rows are there, each with its statements.
select 'drop index ' || x.indexrelid::regclass as dropping, pg_get_indexdef(x.indexrelid) as making
from pg_index x
join pg_class t on t.oid = x.indrelid
where t.relnamespace = 'public'::regnamespace
  and not x.indisunique
  and t.relname in ('tasks', 'habits', 'habit_entries', 'goals', 'goal_progress', 'foods', 'workouts', 'workout_exercises',
    'daily_reviews', 'blog_entries', 'conversations', 'messages', 'tags', 'taggings');
