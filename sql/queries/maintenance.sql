-- name: is_my_turn()$
-- tenant: none, an advisory lock of the whole database
-- One process at a time maintains; the lock goes with the transaction, whatever happens.
select pg_try_advisory_xact_lock(7301204518);
