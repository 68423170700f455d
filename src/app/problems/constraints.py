"""The names of the schema's constraints are the vocabulary of errors: each one -> the problem that its violation becomes."""

from collections.abc import Mapping

Rule = tuple[str, str, str]
"""Problem code, field, message."""


def _owned(
    table: str,
    *,
    length: Mapping[str, str] | None = None,
    bounds: Mapping[str, str] | None = None,
    known: tuple[str, ...] = (),
    not_blank: tuple[str, ...] = (),
    unique: tuple[str, ...] = (),
    targets: tuple[str, ...] = (),
) -> dict[str, Rule]:
    """The rules of an owned table whose names follow from the rule: <table>_<field>_length, _range, _known, _not_blank."""
    return {
        f"{table}_pkey": ("conflict", "id", "is taken"),
        # The user went away between the check of the token and the insert.
        f"{table}_user_exists": ("unauthenticated", "user_id", "does not exist"),
        **{f"{table}_{field}_length": _length(field, rule) for field, rule in (length or {}).items()},
        **{f"{table}_{field}_range": ("invalid", field, f"must be {rule}") for field, rule in (bounds or {}).items()},
        **{f"{table}_{field}_known": ("invalid", field, _ONE_OF) for field in known},
        **{f"{table}_{field}_not_blank": ("invalid", field, "must not be blank") for field in not_blank},
        **{f"{table}_{field}_unique": ("conflict", field, "is taken") for field in unique},
        **{f"{table}_{target}_exists": ("not_found", f"{target}_id", "does not exist") for target in targets},
    }


def _length(field: str, rule: str) -> Rule:
    return ("invalid", field, f"must have {rule} characters")


_ONE_OF = "must be one of the known values"


_DAY = "a day from 1900 on"


_QUANTITY = "from 0 to 1,000,000,000"


_MORE_THAN_0 = "more than 0 and at most 1,000,000,000"


_1_TO_10 = "from 1 to 10"


_COLOR = "must be a color such as #1a2b3c"


_TARGETS = ("task", "habit", "goal", "food", "workout", "daily_review", "blog_entry", "conversation")


_NOT_NEGATIVE = "0 or more"


CONSTRAINTS: dict[str, Rule] = {
    "users_pkey": ("conflict", "id", "is taken"),
    "users_email_unique": ("email_taken", "email", "is taken"),
    "users_email_length": _length("email", "3 to 320"),
    "users_email_form": ("invalid", "email", "must be an e-mail address"),
    "users_username_unique": ("username_taken", "username", "is taken"),
    "users_username_form": ("invalid", "username", "must be 3 to 50 letters, digits, _, . or -"),
    "users_name_length": _length("name", "at most 100"),
    "users_first_name_length": _length("first_name", "at most 100"),
    "users_last_name_length": _length("last_name", "at most 100"),
    "users_bio_length": _length("bio", "at most 2000"),
    "users_avatar_url_length": _length("avatar_url", "at most 500"),
    "users_timezone_length": _length("timezone", "1 to 100"),
    "users_role_known": ("invalid", "role", _ONE_OF),
    "users_reachable": ("invalid", "email", "cannot be empty for a registered account"),
    "identities_pkey": ("conflict", "id", "is taken"),
    "identities_user_exists": ("not_found", "user_id", "does not exist"),
    "identities_provider_known": ("invalid", "provider", _ONE_OF),
    "identities_subject_length": _length("subject", "1 to 255"),
    "identities_email_length": _length("email", "3 to 320"),
    "identities_subject_unique": ("conflict", "subject", "belongs to another account"),
    "sessions_pkey": ("conflict", "token", "is taken"),
    "sessions_token_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
    "sessions_user_exists": ("unauthenticated", "user_id", "does not exist"),
    "sessions_user_agent_length": _length("user_agent", "at most 500"),
    "sessions_expires_later": ("invalid", "expires_at", "must lie in the future"),
    "api_tokens_pkey": ("conflict", "token", "is taken"),
    "api_tokens_token_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
    "api_tokens_user_exists": ("unauthenticated", "user_id", "does not exist"),
    "api_tokens_name_length": _length("name", "1 to 100"),
    "api_tokens_name_not_blank": ("invalid", "name", "must not be blank"),
    "api_tokens_scopes_some": ("invalid", "scopes", "must be 1 to 50 scopes"),
    "api_tokens_last_characters_length": _length("last_characters", "exactly 8"),
    "api_tokens_expires_later": ("invalid", "expires_at", "must lie in the future"),
    "rate_limits_pkey": ("conflict", "bucket", "is taken"),
    "rate_limits_bucket_length": _length("bucket", "1 to 200"),
    **_owned("tasks", length={"title": "1 to 200", "description": "at most 1000"}, not_blank=("title",)),
    **_owned(
        "habits",
        length={
            "name": "1 to 255",
            "description": "at most 10000",
            "unit": "1 to 50",
            "category": "1 to 100",
            "icon": "1 to 100",
        },
        bounds={"target_value": _MORE_THAN_0, "target_days": "from 1 to 7", "position": "from 0 to 1,000,000"},
        known=("kind", "frequency"),
        not_blank=("name",),
    ),
    "habits_color_form": ("invalid", "color", _COLOR),
    "habits_target_value_numeric": ("invalid", "target_value", "is for numeric habits alone"),
    **_owned(
        "habit_entries",
        length={"note": "at most 2000"},
        bounds={"date": _DAY, "value": _QUANTITY, "mood": _1_TO_10},
        targets=("habit",),
    ),
    "habit_entries_skipped_not_completed": ("invalid", "skipped", "cannot be set on a completed day"),
    **_owned(
        "goals",
        length={
            "title": "1 to 255",
            "description": "at most 10000",
            "category": "1 to 100",
            "target_unit": "1 to 50",
            "recurrence_pattern": "1 to 500",
        },
        bounds={"target_value": _MORE_THAN_0, "start_date": _DAY, "end_date": _DAY, "priority": "from 0 to 5"},
        known=("goal_type", "status"),
        not_blank=("title",),
        unique=("previous_id",),
        targets=("parent",),
    ),
    "goals_end_date_order": ("invalid", "end_date", "must not lie before start_date"),
    "goals_parent_other": ("goals_cycle", "parent_id", "must be another goal"),
    "goals_completed_at_status": ("invalid", "status", "must be completed exactly when completed_at is set"),
    "goals_recurrence_pattern_needed": ("invalid", "recurrence_pattern", "is required for a recurring goal"),
    **_owned(
        "goal_progress",
        length={"note": "at most 10000"},
        bounds={"date": _DAY, "value": "from -1,000,000,000 to 1,000,000,000"},
        targets=("goal",),
    ),
    **_owned(
        "foods",
        length={"name": "1 to 255", "portion": "at most 100", "notes": "at most 10000"},
        bounds={
            "date": _DAY,
            **dict.fromkeys(("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg"), _QUANTITY),
        },
        known=("meal_type",),
        not_blank=("name",),
    ),
    **_owned(
        "workouts",
        length={"type": "1 to 50", "name": "at most 255", "location": "at most 255", "notes": "at most 10000"},
        bounds={
            "date": _DAY,
            "duration_minutes": "more than 0 and at most 1,000,000",
            "calories_burned": "from 0 to 1,000,000",
            "mood_before": _1_TO_10,
            "mood_after": _1_TO_10,
        },
        known=("intensity",),
        not_blank=("type",),
    ),
    **_owned(
        "workout_exercises",
        length={"name": "1 to 255", "type": "1 to 50", "notes": "at most 10000"},
        bounds={
            "position": "from 1 to 1000",
            "sets": "from 0 to 10,000",
            "reps": "from 0 to 1,000,000",
            "weight": "from 0 to 1,000,000",
            "distance": "from 0 to 100,000,000",
            "duration_seconds": "from 0 to 10,000,000",
            "rest_seconds": "from 0 to 10,000,000",
        },
        known=("weight_unit", "distance_unit"),
        not_blank=("name",),
        unique=("position",),
        targets=("workout",),
    ),
    "workout_exercises_weight_unit_needed": ("invalid", "weight_unit", "is required with weight"),
    "workout_exercises_distance_unit_needed": ("invalid", "distance_unit", "is required with distance"),
    **_owned(
        "daily_reviews",
        length=dict.fromkeys(
            ("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow"), "at most 10000"
        ),
        bounds={
            "date": _DAY,
            **dict.fromkeys(("mood", "energy", "productivity", "sleep_quality"), _1_TO_10),
            "sleep_hours": "from 0 to 24",
            "water_ml": "from 0 to 1,000,000",
            "screen_minutes": "from 0 to 1,000,000",
            "steps": _QUANTITY,
        },
        unique=("date",),
    ),
    **_owned(
        "blog_entries",
        length={"title": "1 to 255", "content": "1 to 200000", "excerpt": "at most 2000"},
        known=("status",),
        not_blank=("title",),
        unique=("slug",),
    ),
    "blog_entries_slug_form": ("invalid", "slug", "must be 1 to 300 characters without spaces, /, ?, # and %"),
    "blog_entries_published_at_status": ("invalid", "status", "must be published exactly when published_at is set"),
    **_owned(
        "conversations",
        length={"title": "1 to 500"},
        bounds={"last_seq": _NOT_NEGATIVE, "saves": _NOT_NEGATIVE},
        not_blank=("title",),
    ),
    **_owned(
        "messages",
        length={"content": "at most 8388608"},
        bounds={"seq": "1 or more"},
        known=("role",),
        targets=("conversation",),
    ),
    "messages_content_needed": ("invalid", "content", "is required; an assistant message may have stage3 instead"),
    **_owned(
        "usage",
        bounds=dict.fromkeys(("daily_used", "daily_limit", "monthly_used", "monthly_limit", "total_queries"), _NOT_NEGATIVE),
        known=("tier",),
    ),
    **_owned("tags", length={"name": "1 to 100", "category": "1 to 100"}, not_blank=("name",), unique=("slug",)),
    "tags_slug_form": ("invalid", "name", "must have letters or digits, of which an address can be made"),
    "tags_color_form": ("invalid", "color", _COLOR),
    **_owned("taggings", targets=("tag", *_TARGETS)),
    "taggings_one_target": ("invalid", "taggable_id", "must be one row"),
    "taggings_once": ("conflict", "tag_id", "is on this row already"),
    **_owned(
        "media",
        length={"file_name": "1 to 255", "content_type": "3 to 255", "alt_text": "at most 1000", "storage_key": "1 to 500"},
        bounds=dict.fromkeys(("size_bytes", "width", "height"), "more than 0"),
        not_blank=("file_name",),
        unique=("storage_key",),
    ),
    **{f"media_{target}_exists": ("not_found", "taggable_id", "does not exist") for target in _TARGETS},
    "media_sha_form": ("invalid", "sha256", "must be a hash of 64 digits"),
    "media_one_target": ("invalid", "taggable_id", "must be one row"),
    "media_deletions_pkey": ("conflict", "storage_key", "is taken"),
    "media_deletions_storage_key_length": _length("storage_key", "1 to 500"),
    **_owned(
        "progress_snapshots",
        bounds={
            "date": _DAY,
            "habit_completion_rate": "from 0 to 1",
            **dict.fromkeys(
                ("goals_active", "goals_completed", "longest_streak", "workouts_count", "workout_minutes", "calories_avg"),
                _NOT_NEGATIVE,
            ),
            "mood_avg": _1_TO_10,
            "sleep_avg": "from 0 to 24",
            "weight": "more than 0 and at most 10,000",
            "body_fat_percent": "from 0 to 100",
        },
        known=("period", "weight_unit"),
    ),
    "progress_snapshots_date_first": ("invalid", "date", "must be the first day of the period"),
    "progress_snapshots_period_unique": ("conflict", "date", "is taken"),
    "credit_accounts_pkey": ("conflict", "user_id", "is taken"),
    "credit_accounts_user_exists": ("unauthenticated", "user_id", "does not exist"),
    "credit_accounts_available_range": ("insufficient_credits", "amount", "is more than there is"),
    "credit_accounts_max_credits_range": ("invalid", "max_credits", "must be more than 0"),
    "credit_accounts_last_seq_range": ("invalid", "last_seq", "must be 0 or more"),
    "credit_accounts_reset_hours_range": ("invalid", "reset_hours", "must be more than 0"),
    **_owned(
        "credit_transactions",
        length={"description": "at most 500", "idempotency_key": "1 to 200"},
        bounds={"seq": "more than 0", "balance_after": _NOT_NEGATIVE},
        known=("type",),
    ),
    "credit_transactions_amount_not_zero": ("invalid", "amount", "must not be 0"),
    "credit_transactions_amount_sign": ("invalid", "amount", "must be negative for deductions alone"),
    "credit_transactions_refunds_seq_type": ("invalid", "refunds_seq", "is for refunds alone"),
    "credit_transactions_idempotency_key_unique": ("idempotency_conflict", "idempotency_key", "came before"),
    "credit_transactions_refunds_seq_unique": ("already_refunded", "transaction_seq", "was given back before"),
    **_owned("consent_events", length={"terms_version": "1 to 100", "source": "1 to 100"}),
    "consent_events_terms_version_needed": ("invalid", "terms_version", "is required for accepted terms"),
    "audit_events_pkey": ("conflict", "id", "is taken"),
    "audit_events_action_length": _length("action", "1 to 200"),
    "audit_events_target_length": _length("target", "at most 2000"),
    "query_cache_pkey": ("conflict", "query_hash", "is taken"),
    "query_cache_query_hash_form": ("invalid", "query_hash", "must be 1 to 128 letters, digits, _ or -"),
    "query_cache_expires_later": ("invalid", "ttl_seconds", "must be more than 0"),
    "progress_snapshots_weight_unit_needed": ("invalid", "weight_unit", "is required with weight"),
}
