"""How the operations of a batch are done: read and let in first, one by one; then all in one transaction."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, cast
from urllib.parse import unquote
from uuid import UUID

from litestar.types import HTTPScope, Receive
from msgspec import Raw, UnsetType

from app.accounts import repository as accounts
from app.batch.schemas import BatchOperation, BatchOperationResult
from app.database.errors import DatabaseUnavailable
from app.database.executor import RETRIED, Transaction
from app.database.inside import Inside, SavepointsNeeded
from app.http import admission
from app.http.exception_handlers import problem_for
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import Route
from app.http.routing import Endpoint
from app.http.sent_back import Call
from app.problems.problem import Problem, invalid

ANSWERED = 8 * 1024 * 1024
"""Bytes of what the operations answer, in all: a hundred pages of 1 MiB would be held at once."""

_NULL = Raw(b"null")

_JSON = (b"content-type", b"application/json")

_NOT_OF_A_BATCH = {b"allow", b"ratelimit", b"ratelimit-policy"}
"""Headers of a problem that would say of the batch what is meant of an operation."""


class _Read(NamedTuple):
    """An operation that was read, and may be done."""

    scope: HTTPScope
    endpoint: Endpoint
    call: Call
    arguments: dict[str, Any]


async def run(request: Request, operations: Sequence[BatchOperation]) -> list[BatchOperationResult]:
    """Do all operations, or none; returns what each answers. Raises the first one's Problem, with its number.

    A user has one batch under way in a worker, and one that writes in all of them: so the rows that two of them change in
    another order are no deadlock.
    """
    services, user_id = request.services, request.caller.user_id
    async with services.turns.of(user_id):
        reads = [await _read(request, number, operation) for number, operation in enumerate(operations)]
        await admission.record_operations([(each.scope, each.endpoint.route) for each in reads], services)
        writes = any(operation.method != "GET" for operation in operations)

        async def work(transaction: Transaction, *, savepoints: bool = False) -> list[BatchOperationResult]:
            if writes:
                await accounts.lock(transaction, user_id)
            request.scope["state"]["database"] = inside = Inside(transaction, savepoints=savepoints)
            results = await _do(reads, inside, one_by_one=savepoints)
            inside.check()
            return results

        try:
            return await services.database.transaction(work)
        except SavepointsNeeded:
            return await services.database.transaction(partial(work, savepoints=True))


async def _do(reads: Sequence[_Read], inside: Inside, *, one_by_one: bool) -> list[BatchOperationResult]:
    results, size = list[BatchOperationResult](), 0
    for run in [[each] for each in reads] if one_by_one else _runs(reads):
        with _numbered(len(results)):
            if len(run) == 1:
                answers = [await run[0].call(**run[0].arguments)]
            else:
                answers = await inside.together([partial(each.call, **each.arguments) for each in run])
        for each, answer in zip(run, answers, strict=True):
            size += len(answer.body)
            with _numbered(len(results)):
                if size > ANSWERED:
                    raise Problem("batch_answer_too_large")
            results.append(_result(each.endpoint.finish(each.scope, answer)))
    return results


def _runs(reads: Iterable[_Read]) -> Iterator[list[_Read]]:
    """Operations that are done together: creates of one kind in a row, none of which asks for the row of another one.

    Two of one id are not: the first one makes it, and the second one finds it.
    """
    run, chosen = list[_Read](), set[UUID]()
    for each in reads:
        route = each.endpoint.route
        own: UUID | None = each.arguments["data"].id if route.options.independent else None
        if run and not (route.options.independent and route is run[0].endpoint.route and own not in chosen):
            yield run
            run, chosen = [], set()
        run.append(each)
        if own is not None:
            chosen.add(own)
    yield run


def _result(answer: EncodedResponse[Any]) -> BatchOperationResult:
    return BatchOperationResult(answer.status_code, Raw(answer.body) if answer.body else _NULL, answer.etag.decode() or None)


async def _read(request: Request, number: int, operation: BatchOperation) -> _Read:
    """Let an operation in, and read it, as routing does with a request."""
    scope, services = _scope(request.scope, operation), request.services
    # To decode a body takes its time: other requests have their turn in between.
    await asyncio.sleep(0)
    with _numbered(number):
        if number:
            # The batch itself was counted as its first operation.
            admission.count_operation(scope, services)
        endpoint, values = services.routing.endpoint(scope)
        if not endpoint.route.options.batched:
            raise invalid("path", "not_in_a_batch", "is not an address that a batch can ask")
        await admission.admit_operation(scope, endpoint.route, services)
        _refuse_what_is_not_taken(number, operation, endpoint.route)
        call, arguments = await endpoint.read(scope, _receive(operation), values)
    return _Read(scope, endpoint, call, arguments)


def _refuse_what_is_not_taken(number: int, operation: BatchOperation, route: Route) -> None:
    """A header may come from anywhere and be passed over; what an operation has was meant."""
    body = operation.body
    # By its length first: a copy of one body may be 8 MB.
    if route.data is None and not isinstance(body, UnsetType) and (len(memoryview(body)) > 4 or bytes(body) != b"null"):
        raise invalid(f"operations[{number}].body", "not_taken", "is not taken by this method of this address")
    if operation.if_match is not None and not route.versions:
        raise invalid(f"operations[{number}].if_match", "not_taken", "is not taken by this method of this address")


def _scope(of_batch: HTTPScope, operation: BatchOperation) -> HTTPScope:
    """The scope that the operation would have as a request of its own; the state is the batch's."""
    path, _, query = operation.path.partition("?")
    headers = [(b"if-match", operation.if_match.encode())] if operation.if_match is not None else []
    if not isinstance(operation.body, UnsetType):
        headers += [_JSON, (b"content-length", b"%d" % len(bytes(operation.body)))]
    else:
        headers.append(_JSON)
    changed = {"method": operation.method, "path": unquote(path), "query_string": query.encode(), "headers": headers}
    return cast("HTTPScope", {**of_batch, **changed})


def _receive(operation: BatchOperation) -> Receive:
    body = b"" if isinstance(operation.body, UnsetType) else bytes(operation.body)

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


@contextmanager
def _numbered(number: int) -> Iterator[None]:
    """Have what goes wrong with an operation say which one it was.

    What concerns the whole transaction passes: that the database is gone, and after what all of it is done again.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DatabaseUnavailable | SavepointsNeeded) or getattr(error, "sqlstate", None) in RETRIED:
            raise
        problem = problem_for(error)
        headers = tuple(header for header in problem.headers if header[0] not in _NOT_OF_A_BATCH)
        extra = {**(problem.extra or {}), "operation": number}
        raise Problem(problem.code, problem.detail, errors=problem.errors, headers=headers, extra=extra) from error
