-- migrate:up
alter table tasks add column chaos_letters integer generated always as (length(title)) stored;
alter table tasks add constraint tasks_chaos_letters_range check (chaos_letters > 0);
create index tasks_chaos_letters_idx on tasks (user_id, chaos_letters);

-- migrate:down
drop index tasks_chaos_letters_idx;
alter table tasks drop column chaos_letters;
