"""How many items a list has over all of its pages: said beside a page, where it is asked for."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from app.database.queries import Executor
from app.http.pagination import DatedPageQuery, Page, PageQuery, limit_and_filters, with_members
from app.http.responses import EncodedResponse

T = TypeVar("T")


class CountQuery(Protocol):
    """The parameters of a list that can be counted."""

    @property
    def count(self) -> bool: ...


Q = TypeVar("Q", bound=CountQuery)


class Total(msgspec.Struct, frozen=True):
    """How many items a list has, as far as they were counted."""

    total: int
    total_is_exact: bool


class CountedPage(Page[T], Generic[T], frozen=True):
    """One page of a list that can be counted."""

    total: (
        Annotated[int, Meta(description="With `count=true`: how many items all pages have, 10,000 at most.", examples=[42])]
        | UnsetType
    ) = UNSET
    total_is_exact: (
        Annotated[bool, Meta(description="With `count=true`: false where there may be more than `total`.", examples=[True])]
        | UnsetType
    ) = UNSET


def parameters(query: PageQuery) -> dict[str, Any]:
    """The parameters of the statement that counts a list: its filters, and its range of dates where it has one."""
    values = limit_and_filters(query)
    del values["limit"], values["with_tags"]
    return values | ({"from_date": query.from_, "to_date": query.to} if isinstance(query, DatedPageQuery) else {})


async def counted(
    page: EncodedResponse[Page[T]],
    count: Callable[[Executor, UUID, Q], Awaitable[Total]],
    database: Executor,
    user_id: UUID,
    filters: Q,
) -> EncodedResponse[CountedPage[T]]:
    """A page, with the total of its list where `filters` ask for it: `count` reads that."""
    if not filters.count:
        return EncodedResponse(page.body)
    return with_members(page, **asdict(await count(database, user_id, filters)))
