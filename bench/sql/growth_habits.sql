select u.user_id, array(select h.id::text from habits h where h.user_id = u.user_id order by h.id limit 10) as ids
from unnest($1::uuid[]) as u (user_id);
