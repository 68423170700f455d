"""/v1/foods."""

import datetime as dt
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import idempotency, pagination, responses, totals
from app.http.conditional import Versions
from app.http.date_ranges import DayQuery, Summary, SummaryQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, INDEPENDENT
from app.http.totals import CountedPage
from app.nutrition import repository, rules
from app.nutrition.schemas import Food, FoodCopy, FoodCreate, FoodDay, FoodPatch, FoodQuery, FoodTotals, ListedFood
from app.problems.ownership import missing


@post("/", opt=INDEPENDENT)
async def create(request: Request, data: JSONBody[FoodCreate]) -> EncodedResponse[Food]:
    """Make a food. Sent again with the same `id`: 200 with the food as it stands, and nothing new."""
    food, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data
    )
    return responses.created(food, f"/v1/foods/{food.id}", replayed=replayed)


@post("/{id:uuid}/copies")
async def copy(request: Request, id: FromPath[UUID], data: JSONBody[FoodCopy]) -> EncodedResponse[Food]:
    """Make a food again on another day: with all its fields and tags. Sent again with the same `id`: 200, and nothing new."""
    food, replayed = await rules.copy(request.database, request.caller.user_id, id, data)
    return responses.created(food, f"/v1/foods/{food.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Food]:
    """Read a food."""
    food = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(food)


@get("/")
async def page(request: Request, filters: FromQuery[FoodQuery]) -> EncodedResponse[CountedPage[ListedFood]]:
    """List foods by date, newest first or oldest first; those of one day by the time they were made."""
    foods = await repository.page(request.database, request.caller.user_id, filters)
    page = pagination.answer_dated(foods, filters)
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@get("/days/{date:date}")
async def read_day(request: Request, date: FromPath[dt.date], filters: FromQuery[DayQuery]) -> EncodedResponse[FoodDay]:
    """Read the foods of a day, in the order in which they were made, and their totals.

    Of more than 200, or of more than 1 MiB, `next_cursor` shows the rest in the list: with `order=oldest`, and the day as
    `from` and `to`. The totals are those of all, read after them: what is written in between may be in one of the two alone.
    """
    query = FoodQuery(from_=date, to=date, order="oldest", limit=200, with_=filters.with_)
    foods, totals = await rules.day(request.database, request.caller.user_id, query)
    return pagination.with_members(pagination.answer_dated(foods, query), totals=totals)


@get("/summary")
async def summary(request: Request, filters: FromQuery[SummaryQuery]) -> EncodedResponse[Summary[FoodTotals]]:
    """Add up foods per day or per week, earliest first.

    Days without food are left out; a week counts only its days within the range. A nutrient that no food has is null in the
    total, not 0; where some foods have it, the others count as 0. Without `from` and `to`: the last 30 days in the user's
    time zone. At most 366 days.
    """
    totals = await repository.summary(request.database, request.caller.user_id, filters)
    return responses.row(Summary(totals))


@patch("/{id:uuid}")
async def change(request: Request, id: FromPath[UUID], data: JSONBody[FoodPatch], versions: Versions) -> EncodedResponse[Food]:
    """Change a food by a merge patch."""
    user_id = request.caller.user_id
    food = await repository.patch(request.database, user_id, id, versions, data)
    if food is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(food)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a food for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, versions):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


router = Router(
    "/v1/foods",
    route_handlers=[create, copy, read, page, read_day, summary, change, remove],
    tags=["Nutrition"],
    opt=BATCHED | FROM_REPLICA | {"operations": "nutrition"},
)
