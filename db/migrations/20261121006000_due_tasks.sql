-- migrate:up

alter table tasks
    add column due_date date,
    add column priority integer,
    add column completed_at timestamptz;
-- Tasks that are completed already get the time of their last change, the latest at which it can have been. A type with a formula
-- rewrites the table and gives each row its value; an update would rewrite it as well, and count as a change of each row. Made
-- before the first release, in which no table is large.
-- squawk-ignore changing-column-type
alter table tasks alter column completed_at type timestamptz using (case when completed then updated_at end);
alter table tasks
    -- squawk-ignore constraint-missing-not-valid
    add constraint tasks_due_date_range check (due_date between '1900-01-01' and '9999-12-31'),
    -- squawk-ignore constraint-missing-not-valid
    add constraint tasks_priority_range check (priority between 0 and 5),
    -- squawk-ignore constraint-missing-not-valid
    add constraint tasks_completed_at_completed check (completed = (completed_at is not null));

-- tasks.page_due: open tasks by due date, those without one last.
-- squawk-ignore require-concurrent-index-creation
create index tasks_due on tasks (user_id, coalesce(due_date, 'infinity'::date), id) where not completed;

comment on column tasks.due_date is 'The day by which it shall be done, in the user''s time zone.';
comment on column tasks.priority is 'From 0 to 5, the most urgent; null: none was given.';
comment on column tasks.completed_at is 'When it was done: set exactly when completed is true.';

-- migrate:down
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table tasks drop column completed_at;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table tasks drop column priority;
-- Takes back what this migration added.
-- squawk-ignore ban-drop-column
alter table tasks drop column due_date;
