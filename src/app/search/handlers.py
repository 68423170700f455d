"""/v1/search: one question to all that can be searched."""

from litestar import Router, get
from litestar.params import FromQuery

from app.http import responses
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, FROM_REPLICA
from app.search import repository
from app.search.schemas import SearchHits, SearchQuery


@get("/")
async def search(request: Request, filters: FromQuery[SearchQuery]) -> EncodedResponse[SearchHits]:
    """Search tasks, goals, habits, daily reviews, blog entries and conversations, best match first.

    Words in titles weigh more than words in texts. Of each kind the newest 200 rows that match are
    compared. A conversation is found by its title or by one of its messages; the newest are those of the highest ids.
    """
    hits = await repository.hits(request.database, request.caller.user_id, filters)
    return responses.row(SearchHits(hits))


router = Router("/v1/search", route_handlers=[search], tags=["Search"], opt=BATCHED | FROM_REPLICA)
