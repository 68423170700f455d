"""What can be counted of a replica."""

from typing import Literal, TypeAlias, get_args

from prometheus_client import Counter, Gauge

State: TypeAlias = Literal["none", "ok", "behind", "unreachable", "promoted"]

replica_state = Gauge(
    "holdfast_replica_state", "Workers for whom the replica is in this state", ["state"], multiprocess_mode="livesum"
)


replica_lag_seconds = Gauge(
    "holdfast_replica_lag_seconds", "For how long the replica has lacked what it lacks", multiprocess_mode="livemax"
)


replica_lag_bytes = Gauge(
    "holdfast_replica_lag_bytes", "How much of the primary's log the replica has not replayed", multiprocess_mode="livemax"
)


replica_reads = Counter("holdfast_replica_reads", "Requests that the replica answered, by why it did", ["why"])

for _why in ("preferred", "primary_away"):
    replica_reads.labels(_why)


def note_state(state: State) -> None:
    """Say how the replica stands for this worker."""
    for each in get_args(State):
        replica_state.labels(each).set(each == state)
