-- migrate:up

-- habits.stats and progress.put read whether each day of years was completed. Rows of one habit come in day by day between those of
-- everybody else, so that each is on a page of its own; the key holds all of them on a few. Takes a lock for about 3 s a million rows.
-- One block, because a distributed table takes no second change in a transaction otherwise.
do $$
begin
    alter table habit_entries drop constraint habit_entries_pkey;
    alter table habit_entries add constraint habit_entries_pkey primary key (user_id, habit_id, date) include (completed, skipped);
end $$;

-- migrate:down
do $$
begin
    alter table habit_entries drop constraint habit_entries_pkey;
    alter table habit_entries add constraint habit_entries_pkey primary key (user_id, habit_id, date);
end $$;
