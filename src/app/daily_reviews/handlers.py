"""/v1/daily-reviews: one per day, addressed by its date, or by its id."""

import datetime as dt
from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.blog_entries.schemas import BlogEntry
from app.daily_reviews import repository, rules
from app.daily_reviews.schemas import DailyReview, DailyReviewPatch, DailyReviewPut, DailyReviewQuery, ListedDailyReview
from app.http import pagination, responses, totals
from app.http.conditional import Versions
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, HASHED_ETAG, PUT
from app.http.totals import CountedPage
from app.problems.ownership import missing
from app.problems.problem import Problem

LARGE_BODY = {"body_limit": 1024 * 1024}
"""Bytes; there are six texts of 10,000 characters each."""


@put("/{date:date}", opt=PUT | LARGE_BODY)
async def replace(
    request: Request, date: FromPath[dt.date], data: JSONBody[DailyReviewPut], versions: Versions
) -> EncodedResponse[DailyReview]:
    """Make the review of a day (201), or replace it (200): an omitted field is null. Bodies up to 1 MiB."""
    put = await repository.put(request.database, request.caller.user_id, date, versions, data)
    if put is None:
        raise Problem("version_mismatch")
    review, made = put
    return responses.replaced(review, made=made)


@get("/{date:date}", opt=CONDITIONAL)
async def read(request: Request, date: FromPath[dt.date]) -> EncodedResponse[DailyReview]:
    """Read the review of a day."""
    review = await repository.get(request.database, request.caller.user_id, date)
    return responses.found(review)


@get("/")
async def page(request: Request, filters: FromQuery[DailyReviewQuery]) -> EncodedResponse[CountedPage[ListedDailyReview]]:
    """List the reviews of a range of days, latest first or earliest first."""
    reviews = await repository.page(request.database, request.caller.user_id, filters)
    page = pagination.answer_dated(reviews, filters)
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@patch("/{date:date}", opt=LARGE_BODY)
async def change(
    request: Request, date: FromPath[dt.date], data: JSONBody[DailyReviewPatch], versions: Versions
) -> EncodedResponse[DailyReview]:
    """Change the review of a day by a merge patch. Bodies up to 1 MiB."""
    user_id = request.caller.user_id
    review = await repository.patch(request.database, user_id, versions, data, date=date)
    if review is None:
        raise missing(await repository.get(request.database, user_id, date))
    return responses.versioned(review)


@delete("/{date:date}", status_code=204)
async def remove(request: Request, date: FromPath[dt.date], versions: Versions) -> EncodedResponse[None]:
    """Delete the review of a day for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, versions, date=date):
        raise missing(await repository.get(request.database, user_id, date))
    return responses.no_content()


@get("/by-id/{id:uuid}", opt=CONDITIONAL)
async def read_by_id(request: Request, id: FromPath[UUID]) -> EncodedResponse[DailyReview]:
    """Read the review that has an id, as tags and searches name it."""
    review = await repository.get_by_id(request.database, request.caller.user_id, id)
    return responses.found(review)


@patch("/by-id/{id:uuid}", opt=LARGE_BODY)
async def change_by_id(
    request: Request, id: FromPath[UUID], data: JSONBody[DailyReviewPatch], versions: Versions
) -> EncodedResponse[DailyReview]:
    """Change the review that has an id by a merge patch. Bodies up to 1 MiB."""
    user_id = request.caller.user_id
    review = await repository.patch(request.database, user_id, versions, data, id=id)
    if review is None:
        raise missing(await repository.get_by_id(request.database, user_id, id))
    return responses.versioned(review)


@delete("/by-id/{id:uuid}", status_code=204)
async def remove_by_id(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete the review that has an id for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, versions, id=id):
        raise missing(await repository.get_by_id(request.database, user_id, id))
    return responses.no_content()


@post("/{date:date}/blog-entry", opt={"also": {200: "It was made of this review before: it is answered as it stands"}})
async def write_entry(request: Request, date: FromPath[dt.date]) -> EncodedResponse[BlogEntry]:
    """Make a blog entry of the review of a day: a draft with what was entered, as Markdown. Takes no body.

    The entry has the id of the review. Sent again: 200 with the entry as it stands, and nothing new.
    """
    entry, was_there = await rules.write_entry(request.database, request.caller.user_id, date)
    return responses.created(entry, f"/v1/blog-entries/{entry.id}", replayed=was_there)


router = Router(
    "/v1/daily-reviews",
    route_handlers=[replace, read, page, change, remove, read_by_id, change_by_id, remove_by_id, write_entry],
    tags=["Journal"],
    opt=HASHED_ETAG | BATCHED | FROM_REPLICA,
)
