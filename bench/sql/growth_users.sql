-- All users that growth.sql made rows for, in one order.
select id, email from users where email like 'reader-%@bench.example' order by id;
