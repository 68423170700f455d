"""The audit trail: what admins and services do is written down before it is done, so that there is no act without its row."""

from uuid import UUID

from app.database.queries import Executor, load
from app.problems import constraints

constraints.declare(
    {
        "audit_events_pkey": ("conflict", "id", "is taken"),
        "audit_events_action_length": constraints.has_length("action", "1 to 200"),
        "audit_events_target_length": constraints.has_length("target", "at most 2000"),
    }
)


queries = load("audit")


async def record(
    database: Executor, actor_id: UUID, acting_for: UUID | None, *, action: str, target: str, request_id: str
) -> int:
    """Write down who is about to do what.

    `action` is method and route, `target` the path that was asked for; how it ended is in the log under `request_id`.
    """
    return await queries.record.count(
        database,
        actor_id=actor_id,
        acting_for=acting_for,
        action=action,
        target=target_of(target),
        request_id=request_id,
    )


def target_of(path: str) -> str:
    """The path that was asked for, as the table takes it."""
    return path[:2000].replace("\0", "")
