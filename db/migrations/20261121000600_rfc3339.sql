-- migrate:up

-- Pages of rows leave the database as JSON. Its own timestamps would end in +00:00 and drop zeros at the end; the API has
-- one form, that of a single row: Z, and six digits or none. A plain SQL function, so that it is inlined.
create function rfc3339(at timestamptz) returns text
language sql stable parallel safe
return replace(to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z');

comment on function rfc3339 is 'A time as the API writes it.';

-- The same for a time of day, which would leave out zeros at the end of its fraction.
create function rfc3339(at time) returns text
language sql stable parallel safe
return replace(to_char(at, 'HH24:MI:SS.US'), '.000000', '');

comment on function rfc3339(time) is 'A time of day as the API writes it.';

-- migrate:down
drop function rfc3339(time);
drop function rfc3339(timestamptz);
