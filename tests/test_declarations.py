"""What a handler, a router or the app declares is honoured, or stops the start: never in silence."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import httpx
import msgspec
import pytest
from client import Api, User, assert_problem
from litestar import Litestar, Router, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency, Provide
from litestar.middleware import ASGIMiddleware
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from app.http.requests import Request
from app.http.responses import EncodedResponse, no_content
from app.http.routes import BATCHED, INDEPENDENT, DeclarationError
from app.http.routing import Routing
from app.http.services import Services
from app.settings import Settings


def guard(*_: Any) -> None: ...


async def hook(_: Any) -> None: ...


async def after(answer: Any) -> Any:
    return answer


async def provided() -> int:
    return 1


def on_error(*_: Any) -> Any: ...


class Middleware(ASGIMiddleware):
    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        await next_app(scope, receive, send)


class Titled(msgspec.Struct):
    title: str


NEVER_CALLED = "of this handler only what it declares is read"


def handler(path: str = "/things", **declared: Any) -> Any:
    @get(path, **declared)
    async def read(request: Request) -> EncodedResponse[int]:
        raise AssertionError(NEVER_CALLED)

    return read


def start(*handlers: Any, **declared: Any) -> Routing:
    """What `create_app` does with its handlers."""
    app = Litestar(handlers, openapi_config=None, logging_config=None, request_class=cast("Any", Request), **declared)
    return Routing(app, Services(Settings()))


@pytest.mark.parametrize("data", [None, list[int], Titled])
def test_a_create_whose_body_has_no_id_is_none_that_a_batch_puts_together(data: Any) -> None:
    async def make() -> EncodedResponse[int]:
        raise AssertionError(NEVER_CALLED)

    async def make_of(data: JSONBody[Any]) -> EncodedResponse[int]:
        raise AssertionError(NEVER_CALLED)

    make_of.__annotations__["data"] = cast("Any", JSONBody)[data]
    with pytest.raises(DeclarationError, match="has no id"):
        start(post("/things", opt=BATCHED | INDEPENDENT)(make if data is None else make_of))


LAYERED: dict[str, Any] = {
    "guards": [guard],
    "before_request": hook,
    "after_request": after,
    "after_response": hook,
    "middleware": [Middleware()],
    "dependencies": {"number": Provide(provided)},
    "exception_handlers": {404: on_error},
    "response_headers": [ResponseHeader(name="x-a", value="b")],
}


@pytest.mark.parametrize("kind", LAYERED)
@pytest.mark.parametrize("layer", ["handler", "router", "app"])
def test_what_routing_does_not_honour_stops_the_start(kind: str, layer: str) -> None:
    declared = {kind: LAYERED[kind]}
    starts: dict[str, Callable[[], Routing]] = {
        "handler": lambda: start(handler(**declared)),
        "router": lambda: start(Router("/v1", route_handlers=[handler()], **declared)),
        "app": lambda: start(handler(), **declared),
    }
    with pytest.raises(DeclarationError, match=kind):
        starts[layer]()


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        ({"cache": True}, "cache"),
        ({"etag": None, "summary": "A sentence"}, "summary"),
        ({"opt": {"role": {"admin"}}}, "role"),
        ({"opt": {"sesion_only": True}}, "sesion_only"),
        ({"opt": {"auth": "publc"}}, "auth"),
        ({"opt": {"roles": "admin"}}, "roles"),
        ({"opt": {"body_limit": "1 MiB"}}, "body_limit"),
    ],
)
def test_an_argument_or_an_opt_that_nothing_reads_stops_the_start(declared: dict[str, Any], named: str) -> None:
    with pytest.raises(DeclarationError, match=named):
        start(handler(**declared))


def test_an_opt_of_a_router_is_read_as_one_of_its_handlers() -> None:
    (route,) = start(Router("/v1", route_handlers=[handler()], opt={"roles": frozenset({"admin"})})).routes
    assert route.options.roles == {"admin"}
    with pytest.raises(DeclarationError, match="rols"):
        start(Router("/v1", route_handlers=[handler()], opt={"rols": frozenset({"admin"})}))


@pytest.mark.parametrize(
    "opt", [{"auth": "public"}, {"session_only": True}, {"roles": frozenset({"admin"})}, {"multipart": int}]
)
def test_what_a_batch_would_ask_past_its_opt_stops_the_start(opt: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="batch"):
        start(handler(opt={"batched": True} | opt))


async def plain(limit: Annotated[int, QueryParameter(ge=1)]) -> EncodedResponse[int]:
    raise AssertionError(NEVER_CALLED)


async def header(agent: Annotated[str, HeaderParameter(name="User-Agent")]) -> EncodedResponse[int]:
    raise AssertionError(NEVER_CALLED)


async def dependency(number: NamedDependency[int]) -> EncodedResponse[int]:
    raise AssertionError(NEVER_CALLED)


async def state(scope: Scope) -> EncodedResponse[int]:
    raise AssertionError(NEVER_CALLED)


async def with_default(request: Request, filters: FromQuery[int] = 3) -> EncodedResponse[int]:
    raise AssertionError(NEVER_CALLED)


@pytest.mark.parametrize(
    ("function", "named"),
    [(plain, "limit"), (header, "agent"), (dependency, "number"), (state, "scope"), (with_default, "default")],
)
def test_a_parameter_that_routing_does_not_give_stops_the_start(function: Any, named: str) -> None:
    needs: dict[str, Any] = {"dependencies": {"number": Provide(provided)}} if named == "number" else {}
    with pytest.raises(DeclarationError, match=named if named != "number" else "dependencies|number"):
        start(get("/things", **needs)(function))


@pytest.mark.parametrize("kind", ["int", "decimal", "path"])
def test_a_part_of_a_path_of_another_type_stops_the_start(kind: str) -> None:
    @get(f"/things/{{part:{kind}}}")
    async def read(part: FromPath[Any]) -> EncodedResponse[int]:
        raise AssertionError(NEVER_CALLED)

    with pytest.raises(DeclarationError, match="part"):
        start(read)


def test_two_handlers_of_one_method_and_path_stop_the_start() -> None:
    @get("/things/{id:uuid}")
    async def by_id(id: FromPath[UUID]) -> EncodedResponse[int]:
        raise AssertionError(NEVER_CALLED)

    @get("/things/{word:str}")
    async def by_word(word: FromPath[Literal["a", "b"]]) -> EncodedResponse[int]:
        raise AssertionError(NEVER_CALLED)

    with pytest.raises(DeclarationError, match="twice"):
        start(by_id, by_word)


def test_a_handler_that_is_not_async_stops_the_start() -> None:
    @post("/things", sync_to_thread=False)
    def create() -> EncodedResponse[None]:
        return no_content()

    with pytest.raises(DeclarationError, match="async"):
        start(create)


def test_every_read_with_an_etag_answers_304_to_the_client_that_has_it(ada: User) -> None:
    task = ada.task()
    for path in (f"/v1/tasks/{task['id']}", "/v1/me"):
        answer = ada.get(path)
        again = ada.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


def test_a_host_that_is_none_is_refused(api: Api, ada: User) -> None:
    assert_problem(api.get("/v1/tasks", headers={"Host": "a b"}, token=ada.token), 400, "bad_request")
    assert ada.get("/v1/tasks", headers={"Host": "[::1]:8000"}).status_code == 200


def test_a_server_that_mounts_the_app_below_a_path_is_understood(api: Api, ada: User) -> None:
    async def ask(path: str) -> int:
        transport = httpx.ASGITransport(app=cast("Any", api.app), root_path="/apps/holdfast")
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(path, headers={"Authorization": f"Bearer {ada.token}"})).status_code

    assert [api.runner.run(ask(path)) for path in ("/apps/holdfast/v1/tasks", "/v1/tasks", "/apps/v1/tasks")] == [200, 200, 404]
