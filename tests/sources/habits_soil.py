"""Where a habit tracker's dirt goes: what the models' types would not let through is put in by plain SQL."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sources.planting import Place, Row
from sources.words import NoUtf8
from sqlalchemy import Connection, DateTime, Table, func, insert, select

_TIME = datetime(2024, 2, 29, 12, 30, 15, 123456)  # noqa: DTZ001 - as the models have it


def key_of(row: Row) -> int | str:
    """What a row is told by; one of habit_tags, which has no id, by both ids that it has."""
    return row["id"] if "id" in row else f"{row['habit_id']}/{row['tag_id']}"


class Soil:
    """A database with clean rows, of which the first user, habit and log are 1."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._next: dict[str, int] = {}

    @property
    def columns(self) -> list[str]:
        return [str(column) for table in self._tables.values() for column in table.columns]

    @property
    def days_are_times(self) -> bool:
        return isinstance(self._tables["habit_logs"].columns.date.type, DateTime)

    def has(self, column: str) -> bool:
        return column in self.columns

    def value(self, column: str, id: int) -> Any:
        """What a row has there."""
        table, name = column.split(".")
        columns = self._tables[table].columns
        return self._connection.scalar(select(columns[name]).where(columns.id == id))

    def id(self, table: str) -> int:
        """A new one."""
        if table not in self._next:
            column = self._tables[table].columns.id
            self._next[table] = (self._connection.scalar(select(func.max(column))) or 0) + 1
        self._next[table] += 1
        return self._next[table] - 1

    def add(self, table: str, values: Mapping[str, Any] | None = None, **raw: Any) -> Place:
        """A row that is clean but for `values`, which pass through the model's types, and `raw`, which do not."""
        target = self._tables[table]
        row = dict(values or {})
        if "id" in target.columns:
            row.setdefault("id", self.id(table))
        row = self._clean(table, row.get("id", 0)) | row
        row = {column: value for column, value in row.items() if column in target.columns}
        self._connection.execute(insert(target), [row])
        for column, value in raw.items():
            new = "cast(? as text)" if isinstance(value, NoUtf8) else "?"
            self._connection.exec_driver_sql(f'update {table} set "{column}" = {new} where id = ?', (value, row["id"]))
        return Place(table, key_of(row))

    def _clean(self, table: str, id: int) -> dict[str, Any]:
        # Long before the clean logs, each of its own.
        day = date(1970, 1, 1) + timedelta(days=id % 10_000)
        if self.days_are_times:
            day = datetime.combine(day, _TIME.time())
        times = {"created_at": _TIME, "updated_at": _TIME}
        clean: dict[str, dict[str, Any]] = {
            "users": {"email": f"dirt.{id}@example.org", "name": "Dirt", "is_active": True, **times},
            "habits": {"user_id": 1, "name": f"Dirt {id}", "is_archived": False, "frequency": 1, **times},
            "habit_logs": {"habit_id": 1, "date": day, "completed": True, "created_at": _TIME},
            "categories": {"name": f"Dirt {id}", "color": "#112233", "icon": "x"},
            "tags": {"user_id": 1, "name": f"dirt {id}"},
            "habit_tags": {},
            "comments": {"habit_log_id": 1, "text": "Dirt", "created_at": _TIME},
        }
        return clean[table]
