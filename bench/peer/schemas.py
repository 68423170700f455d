"""What goes in and out: Pydantic models. Answers are read from the mapped objects and written by Pydantic's own core."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Output(BaseModel):
    model_config = ConfigDict(from_attributes=True)


Title = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Description = Annotated[str, Field(max_length=1000)]
DueDate = Annotated[date, Field(strict=False, ge=date(1900, 1, 1))]
Priority = Annotated[int, Field(ge=0, le=5)]


class TaskCreate(_Input):
    title: Title
    description: Description | None = None
    completed: bool = False
    due_date: DueDate | None = None
    priority: Priority | None = None
    id: UUID | None = None


class TaskPatch(_Input):
    title: Title = ""
    description: Description | None = None
    completed: bool = False
    due_date: DueDate | None = None
    priority: Priority | None = None


class TaskOut(_Output):
    id: UUID
    user_id: UUID
    title: str
    description: str | None
    completed: bool
    completed_at: datetime | None
    due_date: date | None
    priority: int | None
    created_at: datetime
    updated_at: datetime
    version: int


class TaskPage(_Output):
    items: list[TaskOut]
    next_cursor: str | None


class PageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None
    order: Literal["newest", "oldest"] = "newest"
    completed: bool | None = None


class LoginIn(_Input):
    password: Annotated[str, Field(max_length=1000)]
    email: Annotated[str, Field(max_length=320)] | None = None
    username: Annotated[str, Field(max_length=320)] | None = None


class UserOut(_Output):
    id: UUID
    email: str | None
    username: str | None
    name: str | None
    first_name: str | None
    last_name: str | None
    bio: str | None
    avatar_url: str | None
    timezone: str
    role: str
    is_guest: bool
    is_active: bool
    is_verified: bool
    is_external: bool
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class SignedIn(_Output):
    token: str
    expires_at: datetime
    user: UserOut
