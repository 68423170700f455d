"""Engine, sessions and the mapped classes."""

import os
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy import BigInteger, DateTime, FetchedValue, ForeignKey, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.peer.ids import new_id

POOL_SIZE = int(os.environ.get("PEER_POOL_SIZE", "15"))
"""Of at most 15 connections, how many are kept. SQLAlchemy closes those above it when they are given back: with 5, a steady
load of 16 requests at a time makes a new connection every few requests."""

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1),
    pool_size=POOL_SIZE,
    max_overflow=15 - POOL_SIZE,
    pool_timeout=30,
    connect_args={
        "prepared_statement_cache_size": 1000,
        "server_settings": {"application_name": "peer", "timezone": "UTC"},
    },
)
new_session = async_sessionmaker(engine, expire_on_commit=False)


async def _session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_session)]


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text}  # noqa: RUF012 - SQLAlchemy's own form


class User(Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.new_id())
    email: Mapped[str | None]
    username: Mapped[str | None]
    password_hash: Mapped[str | None]
    name: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    bio: Mapped[str | None]
    avatar_url: Mapped[str | None]
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    role: Mapped[str] = mapped_column(server_default="user")
    is_guest: Mapped[bool] = mapped_column(server_default="false")
    is_active: Mapped[bool] = mapped_column(server_default="true")
    is_verified: Mapped[bool] = mapped_column(server_default="false")
    is_external: Mapped[bool] = mapped_column(server_default="false")
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())
    version: Mapped[int] = mapped_column(BigInteger, server_default=func.new_version(), server_onupdate=FetchedValue())


class UserSession(Base):
    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(server_default=func.new_id())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    user_agent: Mapped[str | None]
    ip: Mapped[str | None] = mapped_column(INET)


class Task(Base):
    __tablename__ = "tasks"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str]
    description: Mapped[str | None]
    completed: Mapped[bool] = mapped_column(server_default="false")
    completed_at: Mapped[datetime | None]
    due_date: Mapped[date | None]
    priority: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())
    version: Mapped[int] = mapped_column(BigInteger, server_default=func.new_version(), server_onupdate=FetchedValue())
