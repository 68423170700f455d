-- name: measure(user_id, known_bytes, max_rows)$
-- Measures all rows of a user. Where a table has more rows of the user than are looked at, the bytes that were known stand if
-- they are more. No row: there is no such user.
insert into storage_use (user_id, stored_bytes)
select u.id, case when found.is_complete then found.stored_bytes else greatest(found.stored_bytes, :known_bytes) end
from users u
cross join lateral stored_bytes(u.id, :max_rows) found
where u.id = :user_id
on conflict (user_id) do update set stored_bytes = excluded.stored_bytes, measured_at = excluded.measured_at
returning stored_bytes;

-- name: add(uses)!
-- tenant: none, maintenance adds up what many users have sent
-- plan: exempt, up to a thousand rows by their key, or all of a table of two numbers
-- uses is JSON: what each user has sent since it was measured. Later measures begin with it, in every worker.
update storage_use s
set stored_bytes = s.stored_bytes + u.sent_bytes
from jsonb_to_recordset(:uses::jsonb) as u (user_id uuid, sent_bytes bigint)
where s.user_id = u.user_id;
