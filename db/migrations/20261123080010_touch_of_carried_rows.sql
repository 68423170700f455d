-- migrate:up

-- What import_check_in() writes has been touched already: it has its version, and its time.
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
        if current_setting('holdfast.is_carried', true) = 'on' then
            return new;
        end if;
        new.version := greatest(old.version + 1, new_version());
        -- An import writes the time that its source has, also where a row changes there without another one.
        if new.updated_at is not distinct from old.updated_at
            and current_setting('holdfast.is_import', true) is distinct from 'on' then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

create or replace function touch_user() returns trigger
language plpgsql as $$
declare
    apart constant text[] := array['updated_at', 'last_login_at', 'password_hash', 'is_verified'];
    is_import constant boolean := coalesce(current_setting('holdfast.is_import', true), '') = 'on';
begin
    if current_setting('holdfast.is_carried', true) = 'on' then
        return new;
    end if;
    if to_jsonb(old) - apart is not distinct from to_jsonb(new) - apart
        and (new.updated_at = old.updated_at or new.updated_at > old.updated_at and not is_import) then
        new.updated_at := old.updated_at;
        return new;
    end if;
    if is_import then
        new.version := greatest(old.version + 1, new_version());
        return new;
    end if;
    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;
    new.version := greatest(old.version + 1, (extract(epoch from new.updated_at) * 1000000)::bigint);
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
        -- An import writes the time that its source has, also where a row changes there without another one.
        if new.updated_at is not distinct from old.updated_at
            and current_setting('holdfast.is_import', true) is distinct from 'on' then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

create or replace function touch_user() returns trigger
language plpgsql as $$
declare
    apart constant text[] := array['updated_at', 'last_login_at', 'password_hash', 'is_verified'];
    is_import constant boolean := coalesce(current_setting('holdfast.is_import', true), '') = 'on';
begin
    if to_jsonb(old) - apart is not distinct from to_jsonb(new) - apart
        and (new.updated_at = old.updated_at or new.updated_at > old.updated_at and not is_import) then
        new.updated_at := old.updated_at;
        return new;
    end if;
    if is_import then
        new.version := greatest(old.version + 1, new_version());
        return new;
    end if;
    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;
    new.version := greatest(old.version + 1, (extract(epoch from new.updated_at) * 1000000)::bigint);
    return new;
end $$;
