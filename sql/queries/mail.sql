-- name: enqueue(user_id, kind, address, language, detail)!
-- tenant: none, of a reset for an address nobody knows yet whose it is
-- In the transaction of what it is about: then it is sent if, and only if, that has happened.
insert into outgoing_mails (user_id, kind, address, language, detail)
values (:user_id, :kind, :address, :language, :detail::text::jsonb);
