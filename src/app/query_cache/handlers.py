"""/v1/query-cache. Every user reads; services and admins write: a user could poison it for all others."""

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody

from app.http import responses
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import FROM_REPLICA, PUT, SERVICES
from app.problems.problem import Problem
from app.query_cache import repository, rules
from app.query_cache.schemas import QueryCacheCleanup, QueryCacheEntry, QueryCachePut

LARGE_BODY = {"body_limit": 8 * 1024 * 1024}


@get("/{query_hash:str}", opt=FROM_REPLICA)
async def read(request: Request, query_hash: FromPath[str]) -> EncodedResponse[QueryCacheEntry]:
    """Read an answer that was found before. It costs no credit, and says so."""
    answer = await repository.get(request.database, query_hash)
    if answer is None:
        raise Problem("not_found")
    return responses.row(answer)


@put("/{query_hash:str}", opt=SERVICES | PUT | LARGE_BODY)
async def write(request: Request, query_hash: FromPath[str], data: JSONBody[QueryCachePut]) -> EncodedResponse[QueryCacheEntry]:
    """Keep an answer for a while. For services and admins."""
    ttl_seconds = request.settings.query_cache_ttl_seconds
    answer, is_new = await rules.put(request.database, query_hash, data, ttl_seconds)
    return responses.row(answer, 201 if is_new else 200)


@delete("/{query_hash:str}", status_code=204, opt=SERVICES)
async def remove(request: Request, query_hash: FromPath[str]) -> EncodedResponse[None]:
    """Remove an answer. For services and admins."""
    if not await repository.delete(request.database, query_hash):
        raise Problem("not_found")
    return responses.no_content()


@delete("/", status_code=204, opt=SERVICES)
async def clear(request: Request) -> EncodedResponse[None]:
    """Remove every answer. For services and admins."""
    await repository.clear(request.database)
    return responses.no_content()


@post("/cleanup", status_code=200, opt=SERVICES)
async def cleanup(request: Request) -> EncodedResponse[QueryCacheCleanup]:
    """Remove the answers that have expired, as `maintain` does. For services and admins."""
    return responses.row(QueryCacheCleanup(await rules.cleanup(request.database)))


router = Router("/v1/query-cache", route_handlers=[read, write, remove, clear, cleanup], tags=["Query cache"])
