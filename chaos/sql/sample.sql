-- One row: connections of the app, how much of the rows is dead, and how many bytes the tables take for each living row.
select (select count(*) from pg_stat_activity where application_name = 'holdfast') as connections,
    100.0 * sum(n_dead_tup) / greatest(sum(n_live_tup + n_dead_tup), 1) as dead_share,
    sum(pg_total_relation_size(relid)) / greatest(sum(n_live_tup), 1) as bytes_per_row
from pg_stat_user_tables;
