"""How each owned table is filled, in an order in which foreign keys hold: the one place of the tests that a new table needs.

Each statement makes its rows out of the rows of a temporary table `seed`: user_id, id, place (a number), date.
tests/test_sql.py takes 20,000 of those, half of them one user's and the rest 1,000 others'; tests/test_batches.py a few of
three users; tests/test_migrations.py one.
"""

from contextlib import suppress
from uuid import UUID

import asyncpg

SEEDS = {
    "tasks": """
        insert into tasks (user_id, id, title, completed, completed_at, due_date, priority)
        select user_id, id, 'Water the plants', place % 3 = 0, case when place % 3 = 0 then now() end,
            case when place % 4 > 0 then date end, 3 from seed""",
    "sessions": """
        insert into sessions (user_id, id, token_hash, expires_at)
        select user_id, id, sha256(id::text::bytea), now() + interval '1 day' from seed where place % 10 = 0""",
    "identities": """
        insert into identities (user_id, id, provider, subject)
        select user_id, id, 'legacy', id::text from seed where place % 10 = 0""",
    "api_tokens": """
        insert into api_tokens (user_id, id, token_hash, name, scopes, last_characters)
        select user_id, id, sha256(id::text::bytea), 'laptop', array['read'], 'abcdefgh' from seed where place % 10 = 0""",
    "pending_sign_ins": """
        insert into pending_sign_ins (state_hash, provider, redirect, challenge, sealed, user_id, session_hash, expires_at)
        select sha256(id::text::bytea), 'google', 'https://app.example', sha256(id::text::bytea), 'sealed', user_id,
            sha256(id::text::bytea), now() + place * interval '1 minute' from seed where place % 10 = 0""",
    "habits": """
        insert into habits (user_id, id, name, kind, target_value, category, is_archived)
        select user_id, id, 'Stretch', 'numeric', 2.5, 'Body', place % 3 = 0 from seed""",
    "habit_entries": """
        insert into habit_entries (user_id, habit_id, date, completed, value, note)
        select s.user_id, h.id, '1900-01-01'::date + s.place, s.place % 3 = 0, 1.5, 'Went well'
        from seed s join (select distinct on (user_id) user_id, id from seed order by user_id, id) h using (user_id)""",
    "habit_comments": """
        insert into habit_comments (user_id, id, habit_id, date, text)
        select s.user_id, s.id, h.id, '2026-01-01', 'Went well'
        from seed s join (select distinct on (user_id) user_id, id from seed order by user_id, id) h using (user_id)""",
    "goals": """
        insert into goals (user_id, id, title, goal_type, target_value, status, completed_at)
        select user_id, id, 'Read', 'yearly', 12, case when place % 3 = 0 then 'completed' else 'active' end,
            case when place % 3 = 0 then now() end from seed""",
    "goal_progress": """
        insert into goal_progress (user_id, id, goal_id, date, value)
        select s.user_id, s.id, g.id, s.date, s.place % 12
        from seed s join (select distinct on (user_id) user_id, id from seed order by user_id, id) g using (user_id)""",
    "foods": """
        insert into foods (user_id, id, date, time, meal_type, name, calories)
        select user_id, id, date, '12:30', 'lunch', 'Soup', 250.5 from seed""",
    "workouts": """
        insert into workouts (user_id, id, date, type, duration_minutes) select user_id, id, date, 'run', 30.5 from seed""",
    "workout_exercises": """
        insert into workout_exercises (user_id, id, workout_id, position, name, weight, weight_unit)
        select user_id, id, id, 1, 'Squat', 62.5, 'kg' from seed""",
    "daily_reviews": """
        insert into daily_reviews (user_id, id, date, mood, sleep_hours, highlights)
        select distinct on (user_id, date) user_id, id, date, 7, 7.5, 'Sun' from seed order by user_id, date, id""",
    "blog_entries": """
        insert into blog_entries (user_id, id, title, content, slug, status, is_public, published_at)
        select user_id, id, 'A day', 'It rained.', 'day-' || place, case when place % 2 = 0 then 'published' else 'draft' end,
            place % 2 = 0, case when place % 2 = 0 then now() end from seed""",
    "conversations": """
        insert into conversations (user_id, id, last_seq, last_activity_at, created_at)
        select user_id, id, 1, begun, begun
        from (select *, '2026-01-01'::timestamptz + place * interval '1 minute' as begun from seed) s""",
    "messages": """
        insert into messages (user_id, conversation_id, seq, role, content)
        select user_id, id, 1, 'user', 'Which bike?' from seed""",
    "storage_use": """
        insert into storage_use (user_id, stored_bytes) select distinct user_id, 0::bigint from seed""",
    "usage": """
        insert into usage (user_id, tier, daily_limit, monthly_limit) select distinct user_id, 'free', 10, 100 from seed""",
    "tags": """
        insert into tags (user_id, id, name, slug) select user_id, id, 'Garden', 'garden-' || place from seed""",
    "taggings": """
        insert into taggings (user_id, id, tag_id, taggable_type, taggable_id)
        select seed.user_id, seed.id, case when place % 2 = 0 then tag.id else seed.id end,
            (array['tasks', 'habits', 'goals', 'foods', 'workouts', 'blog-entries', 'conversations'])[1 + place / 20 % 7],
            seed.id
        from seed join (select distinct on (user_id) user_id, id from seed order by user_id, id) tag using (user_id)""",
    "media": """
        insert into media (user_id, id, file_name, content_type, size_bytes, sha256, storage_key)
        select user_id, id, 'a.png', 'image/png', 1000, repeat('0', 64), id::text from seed""",
    "media_thumbnails": """
        insert into media_thumbnails (user_id, media_id, width, outcome, content_type, size_bytes, sha256, storage_key)
        select user_id, id, 320, 'kept', 'image/jpeg', 100, repeat('0', 64), 'thumbnail-' || id from seed""",
    "deleted_objects": """
        insert into deleted_objects (user_id, storage_key) select user_id, id::text from seed""",
    "media_links": """
        insert into media_links (token_hash, user_id, media_id, expires_at)
        select sha256(id::text::bytea), user_id, id, now() + place * interval '1 minute' from seed""",
    "outgoing_mails": """
        insert into outgoing_mails (user_id, id, kind, address, due_at, given_up_at)
        select user_id, id, 'verification', 'ada@example.com', now() + (place - 10) * interval '1 minute',
            case when place % 3 = 0 then now() end
        from seed""",
    "mail_tokens": """
        insert into mail_tokens (user_id, purpose, token_hash, email, expires_at)
        select distinct on (user_id) user_id, 'verification', sha256(id::text::bytea), 'ada@example.com',
            now() + place * interval '1 minute'
        from seed order by user_id, id""",
    "credit_accounts": """
        insert into credit_accounts (user_id, available, max_credits, last_seq)
        select user_id, count(*), 100000, count(*) from seed group by user_id""",
    "credit_transactions": """
        insert into credit_transactions (user_id, seq, type, amount, balance_after)
        select user_id, number, 'grant', 1, number
        from (select user_id, row_number() over (partition by user_id order by id) as number from seed) numbered""",
    "import_items": """
        insert into import_items (user_id, entity, source_key, source, import_id, target_id, checksum, mark)
        select user_id, 'tasks', place || '@' || place, 'tasks', id, id, place, place from seed""",
    "import_changes": """
        insert into import_changes (user_id, entity, source_key, source, import_id, before, checksum, mark)
        select user_id, entity, source_key, source, import_id, '{}', checksum, mark from import_items
        where (user_id, target_id) in (select user_id, id from seed)""",
    "import_reports": """
        with run as (insert into imports (source, form, location, options) values ('tasks', '', '', '{}') returning id)
        insert into import_reports (import_id, kind, entity, place, user_id, rule)
        select run.id, 'rejected', 'tasks', seed.id, seed.user_id, 'tasks_title_length' from seed cross join run""",
    "consent_events": """
        insert into consent_events (user_id, id, terms_accepted, terms_version, marketing_consent)
        select user_id, id, true, '1', false from seed""",
    "progress_snapshots": """
        insert into progress_snapshots (user_id, id, period, date, workout_minutes, weight, weight_unit)
        select distinct on (user_id, date) user_id, id, 'daily', date, 30.5, 70.5, 'kg' from seed order by user_id, date, id""",
}

AUDITED_PATH = "/v1/tasks"

AUDITED = f"""
    insert into audit_events (actor_id, id, acting_for, action, target, detail)
    select user_id, id, user_id, 'POST {AUDITED_PATH}',
        case when place / 10 % 2 = 0 then '{AUDITED_PATH}' else '{AUDITED_PATH}/' || id end,
        jsonb_build_object('request_id', place)
    from seed"""
"""The trail, which is nobody's."""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", users: int, rows: int, owner: str) -> UUID:
    """Make users, and rows over 2,000 days; `owner` says whose the row at a place is, from 1 on. Returns the first user."""
    made = await connection.fetch(
        """
        insert into users (id, is_guest)
        select new_id('2026-01-01'::timestamptz + place * interval '20 minutes'), true
        from generate_series(1, $1::integer) place
        returning id""",
        users,
    )
    await connection.execute("drop table if exists seed")
    await connection.execute(
        f"""
        create temp table seed as
        select ($1::uuid[])[{owner}] as user_id,
            new_id('2026-01-01'::timestamptz + place * interval '1 minute') as id, place,
            '2020-01-01'::date + place * 2000 / $2::integer as date
        from generate_series(0, $2::integer - 1) as place""",
        [user["id"] for user in made],
        rows,
    )
    # What is looked at here is not to be changed by the server itself, in the middle.
    for table in await connection.fetch(
        "select relid::regclass::text as name from pg_stat_user_tables where schemaname = 'public'"
    ):
        await connection.execute(f"alter table {table['name']} set (autovacuum_enabled = off)")
    # Looking after every foreign key takes as long as the rest; only a superuser may leave it out.
    with suppress(asyncpg.InsufficientPrivilegeError):
        await connection.execute("set session_replication_role = replica")
    for statement in (*SEEDS.values(), AUDITED):
        await connection.execute(statement)
    first: UUID = made[0]["id"]
    return first
