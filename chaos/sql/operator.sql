-- Makes an account an admin's: what `holdfast users role` does, in a hundredth of the time.
update users set role = 'admin' where id = $1::uuid;
