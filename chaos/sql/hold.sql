-- Holds the row that every deduction of a user changes.
select 1 from credit_accounts where user_id = $1::uuid for update;
