-- migrate:up

-- New words are gathered in a list. The statement that makes it longer than this, in kB, sorts it into the index: with the
-- default, 4 MB, it and all that come meanwhile stood still for 100 ms (bench/README.md, "Levers").
alter index blog_entries_search set (gin_pending_list_limit = 64);
alter index daily_reviews_search set (gin_pending_list_limit = 64);
alter index goals_search set (gin_pending_list_limit = 64);
alter index habits_search set (gin_pending_list_limit = 64);
alter index tasks_search set (gin_pending_list_limit = 64);

-- migrate:down
alter index blog_entries_search reset (gin_pending_list_limit);
alter index daily_reviews_search reset (gin_pending_list_limit);
alter index goals_search reset (gin_pending_list_limit);
alter index habits_search reset (gin_pending_list_limit);
alter index tasks_search reset (gin_pending_list_limit);
