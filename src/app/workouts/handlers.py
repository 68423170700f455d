"""/v1/workouts."""

from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import date_ranges, idempotency, pagination, responses
from app.http.conditional import IfMatch
from app.http.date_ranges import Summary, SummaryQuery
from app.http.pagination import Page
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.problems.ownership import missing
from app.workouts import repository, rules
from app.workouts.schemas import Workout, WorkoutCreate, WorkoutPatch, WorkoutPut, WorkoutQuery, WorkoutTotals


@post("/")
async def create(request: Request, data: JSONBody[WorkoutCreate]) -> EncodedResponse[Workout]:
    """Write down a workout with its exercises. Sent again with the same `id`: 200 with the workout as it stands."""
    rules.check_units(data.exercises)
    workout, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data
    )
    return responses.created(workout, f"/v1/workouts/{workout.id}", replayed=replayed)


@get("/{id:uuid}")
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Workout]:
    """Read a workout with its exercises."""
    workout = await repository.get(request.database, request.caller.user_id, id)
    if workout is None:
        raise missing(None)
    return responses.versioned(workout)


@get("/")
async def page(request: Request, filters: FromQuery[WorkoutQuery]) -> EncodedResponse[Page[Workout]]:
    """List workouts with their exercises by date, newest first or oldest first; those of one day by the time they were made."""
    read_page = repository.page_newest if filters.order == "newest" else repository.page_oldest
    after_date, after_id = pagination.after_dated(filters)
    workouts = await read_page(
        request.database,
        request.caller.user_id,
        far_date=pagination.range_bound(filters),
        tag=filters.tag,
        after_date=after_date,
        after_id=after_id,
        limit=filters.limit + 1,
    )
    return pagination.answer_dated(workouts, filters)


@get("/summary")
async def summary(request: Request, filters: FromQuery[SummaryQuery]) -> EncodedResponse[Summary[WorkoutTotals]]:
    """Add up workouts per day or per week, the earliest first.

    Days without a workout are left out; a week counts only its days within the range. Weights and distances are added up in
    kilograms and meters, whatever they were entered in. What nobody entered is null in the total, not 0. Without `from` and
    `to`: the last 30 days in the time zone of the user. At most 366 days.
    """
    from_date, to_date = date_ranges.days(filters)
    totals = await repository.summary(
        request.database, request.caller.user_id, from_date=from_date, to_date=to_date, by=filters.by
    )
    return responses.row(Summary(totals))


@put("/{id:uuid}")
async def replace(
    request: Request, id: FromPath[UUID], data: JSONBody[WorkoutPut], if_match: IfMatch
) -> EncodedResponse[Workout]:
    """Replace a workout as a whole, with its exercises. It must be there: POST takes an `id` too."""
    user_id = request.caller.user_id
    workout = await rules.change(request.database, user_id, id, if_match, data)
    if workout is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(workout)


@patch("/{id:uuid}")
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[WorkoutPatch], if_match: IfMatch
) -> EncodedResponse[Workout]:
    """Change a workout by a merge patch. `exercises` replaces all of them; the same ones again change nothing."""
    user_id = request.caller.user_id
    workout = await rules.change(request.database, user_id, id, if_match, data)
    if workout is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(workout)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], if_match: IfMatch) -> EncodedResponse[None]:
    """Delete a workout and its exercises for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, if_match):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


router = Router("/v1/workouts", route_handlers=[create, read, page, summary, replace, change, remove], tags=["Workouts"])
