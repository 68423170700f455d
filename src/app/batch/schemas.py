"""What /v1/batch takes and answers."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

MAX_OPERATIONS = 100

Method = Annotated[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], Meta(title="OperationMethod", examples=["POST"])]
Path = Annotated[
    str,
    Meta(
        description="The address, with its query, as in a request by itself.",
        min_length=1,
        max_length=8192,
        pattern="^/v1/",
        examples=["/v1/tasks"],
    ),
]
IfMatch = Annotated[
    str,
    Meta(
        description="What the request has in `If-Match`, where it takes that.", max_length=8192, examples=['"1700000000000000"']
    ),
]


class BatchOperation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request of its own, without its headers."""

    method: Method
    path: Path
    body: Annotated[
        Raw | UnsetType,
        Meta(
            description="What the request takes as its body; its limits are those of its address. Null where it takes none.",
            examples=[{"title": "Water the plants"}],
        ),
    ] = UNSET
    if_match: IfMatch | None = None


class Batch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Operations, one after another."""

    operations: Annotated[
        list[BatchOperation],
        Meta(
            min_length=1,
            max_length=MAX_OPERATIONS,
            examples=[[{"method": "POST", "path": "/v1/tasks", "body": {"title": "Water the plants"}}]],
        ),
    ]


class BatchOperationResult(msgspec.Struct, frozen=True):
    """What an operation answered."""

    status: Annotated[int, Meta(examples=[201])]
    body: Annotated[
        Raw,
        Meta(
            description="As the request by itself answers; null where it has no content.",
            examples=[{"title": "Water the plants"}],
        ),
    ]
    etag: Annotated[str | None, Meta(examples=['"1700000000000000"'])]


class BatchResult(msgspec.Struct, frozen=True):
    """What the operations answered, in their order."""

    results: list[BatchOperationResult]
