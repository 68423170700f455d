-- migrate:up

-- With conversations and their messages: the rows of a message have its conversation's id and title, and its seq.
create or replace view searched as
select user_id, 'tasks' as kind, id, search, title, concat_ws(chr(10), title, description) as body, 0 as seq
from tasks
union all
select user_id, 'goals', id, search, title, concat_ws(chr(10), title, description), 0
from goals
union all
select user_id, 'habits', id, search, name, concat_ws(chr(10), name, description), 0
from habits
union all
select user_id, 'daily-reviews', id, search, date::text,
    concat_ws(chr(10), highlights, accomplishments, challenges, lessons, gratitude, tomorrow), 0
from daily_reviews
union all
select user_id, 'blog-entries', id, search, title, concat_ws(chr(10), title, excerpt, content), 0
from blog_entries
union all
select user_id, 'conversations', id, search, title, title, 0
from conversations
union all
select m.user_id, 'messages', m.conversation_id, m.search,
    (select c.title from conversations c where c.user_id = m.user_id and c.id = m.conversation_id),
    message_text(m.content, m.stage1, m.stage2, m.stage3), m.seq
from messages m;

-- migrate:down
-- It had fewer columns.
-- squawk-ignore ban-drop-view
drop view searched;
create view searched as
select user_id, 'tasks' as kind, id, search, title, concat_ws(chr(10), title, description) as body
from tasks
union all
select user_id, 'goals', id, search, title, concat_ws(chr(10), title, description)
from goals
union all
select user_id, 'habits', id, search, name, concat_ws(chr(10), name, description)
from habits
union all
select user_id, 'daily-reviews', id, search, date::text,
    concat_ws(chr(10), highlights, accomplishments, challenges, lessons, gratitude, tomorrow)
from daily_reviews
union all
select user_id, 'blog-entries', id, search, title, concat_ws(chr(10), title, excerpt, content)
from blog_entries;
comment on view searched is 'What /v1/search looks at, of all kinds: what is found of a row, and what is shown of it.';
