"""/v1/progress-snapshots."""

import datetime as dt

from litestar import Router, delete, get, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import pagination, responses
from app.http.conditional import Versions
from app.http.pagination import Page
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, HASHED_ETAG, PUT
from app.problems.ownership import missing
from app.problems.problem import Problem
from app.progress import repository, rules
from app.progress.schemas import ProgressPeriod, ProgressSnapshot, ProgressSnapshotPut, ProgressSnapshotQuery


@put("/{period:str}/{date:date}", opt=PUT)
async def compute(
    request: Request,
    period: FromPath[ProgressPeriod],
    date: FromPath[dt.date],
    data: JSONBody[ProgressSnapshotPut],
    versions: Versions,
) -> EncodedResponse[ProgressSnapshot]:
    """Compute the snapshot of a period from the present data (201), or compute it again (200), and keep it until then.

    `date` is any day of the period; that of the snapshot is the first: the Monday, the 1st, 1 January. What the user says stays
    when it is computed again: an absent field keeps its value, null clears it. Days are those of the user's present time zone;
    the period ends with its last day, even if that is in the future.

    - `goals_active`: goals made by the end of the period that are active now, or were completed after it. When a goal was
      paused or cancelled is not recorded: such a goal does not count.
    - `goals_completed`: goals whose `completed_at` is on a day of the period.
    - `habit_completion_rate`: completed days by due days, both summed over all habits that are not archived now. A daily
      habit is due on each day of the period from the day it was made until today, except skipped days; a weekly or custom
      one on `target_days` sevenths of these, a monthly one on `target_days` of the days of each month, one with an interval
      on one in `interval_days`; one with `weekdays` on these, and only what was done on them counts. A habit never counts
      more completed days than due ones, and none from before it was made. Null when nothing was due.
    - `longest_streak`: the most days in a row within the period, until today, on which the same daily habit was completed;
      skipped days neither break nor lengthen it. Archived habits and days before the habit was made count too.
    - `workouts_count`, `workout_minutes`: workouts on days of the period, and the sum of their minutes, where known.
    - `calories_avg`: the calories of foods, divided by the days that have a food with calories.
    - `mood_avg`, `energy_avg`, `sleep_avg`: the means of mood, energy and hours of sleep of the daily reviews that have them.
    - `habits_active`: habits made by the end of the period that are not archived now.
    - `blog_entries_count`: blog entries made on days of the period, whatever their status.
    """
    first = rules.first_day(period, date)
    put = await repository.put(request.database, request.caller.user_id, period, first, versions=versions, new=data)
    if put is None:
        raise Problem("version_mismatch")
    snapshot, made = put
    return responses.replaced(snapshot, made=made)


@get("/{period:str}/{date:date}", opt=CONDITIONAL)
async def read(
    request: Request, period: FromPath[ProgressPeriod], date: FromPath[dt.date]
) -> EncodedResponse[ProgressSnapshot]:
    """Read a snapshot as it was last computed. Any day of the period leads to it."""
    snapshot = await repository.get(request.database, request.caller.user_id, period, rules.first_day(period, date))
    return responses.found(snapshot)


@get("/")
async def page(request: Request, filters: FromQuery[ProgressSnapshotQuery]) -> EncodedResponse[Page[ProgressSnapshot]]:
    """List snapshots by the first day of their period."""
    snapshots = await repository.page(request.database, request.caller.user_id, filters)
    return pagination.answer_dated(snapshots, filters)


@delete("/{period:str}/{date:date}", status_code=204)
async def remove(
    request: Request, period: FromPath[ProgressPeriod], date: FromPath[dt.date], versions: Versions
) -> EncodedResponse[None]:
    """Delete a snapshot for good. Any day of the period leads to it."""
    user_id, first = request.caller.user_id, rules.first_day(period, date)
    if not await repository.delete(request.database, user_id, period, first, versions):
        raise missing(await repository.get(request.database, user_id, period, first))
    return responses.no_content()


router = Router(
    "/v1/progress-snapshots",
    route_handlers=[compute, read, page, remove],
    tags=["Progress"],
    opt=HASHED_ETAG | BATCHED | FROM_REPLICA | {"operations": "progress"},
)
