-- migrate:up

create or replace function touch() returns trigger language plpgsql as $$
declare
    has_search constant boolean := tg_nargs = 1 and tg_argv[0] = 'search';
begin
    -- The words of a text are gathered after this, so that NEW has none yet: without those of OLD the rows differ only in what
    -- was changed.
    if has_search then
        old.search := null;
    end if;
    -- The rows are compared as they are stored. jsonb would write out all texts twice, unfold what json columns hold, and
    -- refuse U+0000: only small rows without documents have other columns to leave out.
    if (case when tg_nargs = 0 or has_search then old *<> new
            else to_jsonb(old) - tg_argv is distinct from to_jsonb(new) - tg_argv end) then
        new.version := greatest(old.version + 1, new_version());
        -- An import writes the time that its source has, also where a row changes there without another one.
        if new.updated_at is not distinct from old.updated_at
            and current_setting('holdfast.is_import', true) is distinct from 'on' then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

-- migrate:down

create or replace function touch() returns trigger language plpgsql as $$
declare
    has_search constant boolean := tg_nargs = 1 and tg_argv[0] = 'search';
begin
    -- The words of a text are gathered after this, so that NEW has none yet: without those of OLD the rows differ only in what
    -- was changed.
    if has_search then
        old.search := null;
    end if;
    -- The rows are compared as they are stored. jsonb would write out all texts twice, unfold what json columns hold, and
    -- refuse U+0000: only small rows without documents have other columns to leave out.
    if (case when tg_nargs = 0 or has_search then old *<> new
            else to_jsonb(old) - tg_argv is distinct from to_jsonb(new) - tg_argv end) then
        new.version := greatest(old.version + 1, new_version());
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;
