-- A conversation of 100 messages for each task, under the task's id.
insert into conversations (user_id, id, title, last_seq)
select user_id, id, 'Talk', 100 from tasks;
insert into messages (user_id, conversation_id, seq, role, content)
select user_id, id, seq, case when seq % 2 = 1 then 'user' else 'assistant' end, 'Which bike for a hilly town, number ' || seq
from tasks
cross join generate_series(1, 100) seq;
vacuum analyze;
checkpoint;
