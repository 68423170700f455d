"""The routes."""

import base64
import binascii
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Query, Request, Response
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.peer import schemas
from bench.peer.auth import SESSION_DAYS, Caller, CurrentCaller, is_outdated, new_token, verify
from bench.peer.database import Session, Task, User, UserSession, engine

# Made once: building a statement anew for every request, and its cache key with it, would cost a fifth of the request.
TASK = select(Task).where(Task.user_id == bindparam("user_id"), Task.id == bindparam("id"))
_LIST = select(Task).where(Task.user_id == bindparam("user_id")).limit(bindparam("limit"))
_NEWEST = _LIST.where(Task.id < bindparam("after")).order_by(Task.id.desc())
_OLDEST = _LIST.where(Task.id > bindparam("after")).order_by(Task.id)
_BY_COMPLETED = Task.completed == bindparam("completed")
PAGES = {
    ("newest", False): _NEWEST,
    ("newest", True): _NEWEST.where(_BY_COMPLETED),
    ("oldest", False): _OLDEST,
    ("oldest", True): _OLDEST.where(_BY_COMPLETED),
}
CREATE = insert(Task).returning(Task)
CREATE_ONCE = upsert(Task).on_conflict_do_nothing(index_elements=[Task.user_id, Task.id]).returning(Task)
CREDENTIALS = select(User.id, User.password_hash, User.is_active)
BY_EMAIL = CREDENTIALS.where(func.lower(User.email) == func.lower(bindparam("name")))
BY_USERNAME = CREDENTIALS.where(func.lower(User.username) == func.lower(bindparam("name")))

FIRST_NEWEST = UUID(int=2**128 - 1)
FIRST_OLDEST = UUID(int=0)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})


@app.get("/health/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/tasks", status_code=201, response_model=schemas.TaskOut)
async def create(caller: CurrentCaller, session: Session, data: schemas.TaskCreate, response: Response) -> Task:
    more = {"user_id": caller.user_id, "completed_at": datetime.now(UTC) if data.completed else None}
    if data.id is None:
        task = await session.scalar(CREATE, more | data.model_dump(exclude={"id"}))
    else:
        check_id(data.id)
        task = await session.scalar(CREATE_ONCE, more | data.model_dump())
    await session.commit()
    if task is None:
        task = await session.get_one(Task, (caller.user_id, data.id))
        response.status_code = 200
    response.headers["Location"] = f"/v1/tasks/{task.id}"
    response.headers["ETag"] = f'"{task.version}"'
    return task


@app.get("/v1/tasks/{id}", response_model=schemas.TaskOut)
async def read(
    caller: CurrentCaller,
    session: Session,
    id: UUID,
    response: Response,
    request: Request,
) -> Task | Response:
    task = await session.scalar(TASK, {"user_id": caller.user_id, "id": id})
    if task is None:
        raise await absent(session, caller, id)
    etag = f'"{task.version}"'
    if_none_match = request.headers.get("if-none-match")
    if if_none_match is not None and etag in if_none_match:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return task


@app.get("/v1/tasks", response_model=schemas.TaskPage)
async def page(caller: CurrentCaller, session: Session, query: Annotated[schemas.PageQuery, Query()]) -> dict[str, object]:
    after = decode_cursor(query)
    values = {"user_id": caller.user_id, "after": after, "limit": query.limit + 1}
    if query.completed is not None:
        values["completed"] = query.completed
    tasks = (await session.scalars(PAGES[query.order, query.completed is not None], values)).all()
    if len(tasks) <= query.limit:
        return {"items": tasks, "next_cursor": None}
    items = tasks[: query.limit]
    return {"items": items, "next_cursor": encode_cursor(query.order, items[-1].id)}


@app.patch("/v1/tasks/{id}", response_model=schemas.TaskOut)
async def change(  # noqa: PLR0917 - FastAPI calls it by keyword
    caller: CurrentCaller,
    session: Session,
    id: UUID,
    data: schemas.TaskPatch,
    response: Response,
    request: Request,
) -> Task:
    mine = [Task.user_id == caller.user_id, Task.id == id]
    if_match = request.headers.get("if-match")
    if if_match is not None and if_match != "*":
        mine.append(Task.version == expected_version(if_match))
    task: Task | None
    if changes := data.model_dump(exclude_unset=True):
        if "completed" in changes:
            changes["completed_at"] = func.coalesce(Task.completed_at, func.now()) if changes["completed"] else None
        task = await session.scalar(
            update(Task).where(*mine).values(changes).returning(Task),
            execution_options={"synchronize_session": False},
        )
        await session.commit()
    else:
        task = await session.scalar(select(Task).where(*mine))
    if task is None:
        raise await absent(session, caller, id)
    response.headers["ETag"] = f'"{task.version}"'
    return task


@app.post("/v1/auth/login", response_model=schemas.SignedIn)
async def log_in(request: Request, session: Session, data: schemas.LoginIn) -> dict[str, object]:
    if (data.email is None) == (data.username is None):
        raise HTTPException(422, "email or username is required, one of the two")
    statement, name = (BY_EMAIL, data.email) if data.email is not None else (BY_USERNAME, data.username)
    found = await session.execute(statement, {"name": name})
    user = found.one_or_none()
    # The connection goes back to the pool: hashing takes longer than everything else.
    await session.rollback()
    if not await verify(data.password, user.password_hash if user else None) or user is None:
        raise HTTPException(401, "invalid_credentials", {"WWW-Authenticate": "Bearer"})
    if not user.is_active or is_outdated(user.password_hash):
        raise HTTPException(403, "account_disabled")
    token, token_hash = new_token()
    me = await session.scalar(
        update(User).where(User.id == user.id, User.is_active).values(last_login_at=func.now()).returning(User),
        execution_options={"synchronize_session": False},
    )
    if me is None:
        raise HTTPException(403, "account_disabled")
    expires_at = await session.scalar(
        insert(UserSession)
        .values(
            token_hash=token_hash,
            user_id=me.id,
            expires_at=func.now() + func.make_interval(0, 0, 0, SESSION_DAYS),
            user_agent=request.headers.get("user-agent", "")[:500] or None,
            ip=request.client.host if request.client else None,
        )
        .returning(UserSession.expires_at)
    )
    await session.commit()
    return {"token": token, "expires_at": expires_at, "user": me}


def check_id(id: UUID) -> None:
    if id.version != 7 or (id.int >> 80) / 1000 > time.time() + 24 * 3600:
        raise HTTPException(422, "id_not_time_ordered")


def expected_version(if_match: str) -> int:
    number = if_match.strip().strip('"')
    return int(number) if number.isdecimal() else -1


def encode_cursor(order: str, key: UUID) -> str:
    return base64.urlsafe_b64encode(order[:1].encode() + key.bytes).rstrip(b"=").decode()


def decode_cursor(query: schemas.PageQuery) -> UUID:
    if query.cursor is None:
        return FIRST_NEWEST if query.order == "newest" else FIRST_OLDEST
    try:
        raw = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), altchars=b"-_", validate=True)
        key = UUID(bytes=raw[1:])
    except (ValueError, binascii.Error):
        raise HTTPException(422, "invalid_cursor") from None
    if encode_cursor(query.order, key) != query.cursor:
        raise HTTPException(422, "invalid_cursor")
    return key


async def absent(session: AsyncSession, caller: Caller, id: UUID) -> HTTPException:
    """Why nothing was found: 403 for a foreign task, 412 for one that has moved on, 404 for none."""
    owner = await session.scalar(
        select(Task.user_id).where(Task.id == id).order_by((Task.user_id == caller.user_id).desc()).limit(1)
    )
    if owner is None:
        return HTTPException(404, "not_found")
    return HTTPException(412, "version_mismatch") if owner == caller.user_id else HTTPException(403, "forbidden")
