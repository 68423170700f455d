-- migrate:up

-- A UUIDv7 from a time: ids sort by the time a row was made, so the primary key serves "newest first" and no second
-- index is needed. The 12 bits after the version hold the microseconds, so ids of one connection stay in order within
-- a millisecond. The time is clamped: one before 1970 would otherwise wrap and sort as the newest, infinity would fail.
create function new_id(at timestamptz default clock_timestamp()) returns uuid
language sql volatile parallel safe
return encode(
    overlay(
        overlay(uuid_send(gen_random_uuid())
            placing substring(int8send(floor(extract(epoch from
                greatest(least(at, '9999-12-31 00:00+00'), '1970-01-01 00:00+00')) * 1000)::bigint) from 3)
            from 1 for 6)
        placing int2send((28672 + case
            when isfinite(at) then extract(microseconds from at)::bigint % 1000 * 4096 / 1000
            else 0 end)::smallint)
        from 7 for 2),
    'hex')::uuid;

comment on function new_id is
    'A time-ordered id (UUID version 7). Imports pass the original creation time, so that old rows sort as old.';

-- Only a real change counts as a change. The arguments name columns that are left out of the comparison: generated ones,
-- which are not computed yet in NEW (with them {} would bump the version), and those that no client ever sees.
create function touch() returns trigger language plpgsql as $$
declare
    -- Without arguments tg_argv is null, and "- null" would make every two rows equal.
    ignored text[] := coalesce(tg_argv, '{}');
begin
    if to_jsonb(old) - ignored is distinct from to_jsonb(new) - ignored then
        new.version := old.version + 1;
        if new.updated_at is not distinct from old.updated_at then
            new.updated_at := clock_timestamp();
        end if;
    end if;
    return new;
end $$;

comment on function touch is
    'Sets version and updated_at when a row really changes; an explicitly changed updated_at (an import) is kept.';

-- migrate:down
drop function touch();
drop function new_id(timestamptz);
