"""/v1/workouts."""

import datetime as dt
from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import pagination, responses, totals
from app.http.conditional import Versions
from app.http.date_ranges import DayQuery, Summary, SummaryQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA
from app.http.totals import CountedPage
from app.problems.ownership import missing
from app.workouts import repository, rules
from app.workouts.schemas import (
    ListedWorkout,
    Workout,
    WorkoutCreate,
    WorkoutDay,
    WorkoutPatch,
    WorkoutPut,
    WorkoutQuery,
    WorkoutTotals,
)


@post("/")
async def create(request: Request, data: JSONBody[WorkoutCreate]) -> EncodedResponse[Workout]:
    """Make a workout with its exercises. Sent again with the same `id`: 200 with the workout as it stands, and nothing new."""
    workout, replayed = await rules.create(request.database, request.caller.user_id, data)
    return responses.created(workout, f"/v1/workouts/{workout.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Workout]:
    """Read a workout with its exercises."""
    workout = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(workout)


@get("/")
async def page(request: Request, filters: FromQuery[WorkoutQuery]) -> EncodedResponse[CountedPage[ListedWorkout]]:
    """List workouts with their exercises by date, newest first or oldest first; those of one day by the time they were made."""
    workouts = await repository.page(request.database, request.caller.user_id, filters)
    page = pagination.answer_dated(workouts, filters)
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@get("/days/{date:date}")
async def read_day(request: Request, date: FromPath[dt.date], filters: FromQuery[DayQuery]) -> EncodedResponse[WorkoutDay]:
    """Read the workouts of a day, in the order in which they were made, and their totals.

    Of more than 200, or of more than 1 MiB, `next_cursor` shows the rest in the list: with `order=oldest`, and the day as
    `from` and `to`. The totals are those of all, read after them: what is written in between may be in one of the two alone.
    """
    query = WorkoutQuery(from_=date, to=date, order="oldest", limit=200, with_=filters.with_)
    workouts, totals = await rules.day(request.database, request.caller.user_id, query)
    return pagination.with_members(pagination.answer_dated(workouts, query), totals=totals)


@get("/summary")
async def summary(request: Request, filters: FromQuery[SummaryQuery]) -> EncodedResponse[Summary[WorkoutTotals]]:
    """Add up workouts per day or per week, earliest first.

    Days without a workout are left out; a week counts only its days within the range. Weights and distances are added up in
    kilograms and meters, whatever unit was sent. A value that no workout has is null in the total, not 0. Without `from` and
    `to`: the last 30 days in the user's time zone. At most 366 days.
    """
    totals = await repository.summary(request.database, request.caller.user_id, filters)
    return responses.row(Summary(totals))


@put("/{id:uuid}")
async def replace(
    request: Request, id: FromPath[UUID], data: JSONBody[WorkoutPut], versions: Versions
) -> EncodedResponse[Workout]:
    """Replace a whole workout, with its exercises. It must exist: POST accepts an `id` too."""
    user_id = request.caller.user_id
    workout = await rules.change(request.database, user_id, id, versions, data)
    if workout is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(workout)


@patch("/{id:uuid}")
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[WorkoutPatch], versions: Versions
) -> EncodedResponse[Workout]:
    """Change a workout by a merge patch. `exercises` replaces all of them; the same ones again change nothing."""
    user_id = request.caller.user_id
    workout = await rules.change(request.database, user_id, id, versions, data)
    if workout is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(workout)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a workout and its exercises for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, versions):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


router = Router(
    "/v1/workouts",
    route_handlers=[create, read, page, read_day, summary, replace, change, remove],
    tags=["Workouts"],
    opt=BATCHED | FROM_REPLICA,
)
