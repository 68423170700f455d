select id::text as id from habits where user_id = $1 order by id limit 10;
