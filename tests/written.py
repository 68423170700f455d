"""What a statement writes: which columns of which tables get a value that was sent, and under which name it was sent.

A value was sent when it is a parameter, `:title`; a column of what a parameter holds as JSON, `p.title` out of
`jsonb_populate_record(null::tasks, :new) p`, or `sent ->> 'title'`; or a column of a CTE, of a subquery or of `excluded` that
has such a value. An expression has the names of all values that it is made of. What is not understood was not sent.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

import sqlglot
from sqlglot import exp

Names = frozenset[str]
"""Under which names a value was sent; none: it was not."""

Columns = Mapping[str, Names]
"""The columns of a table, of a CTE, of a subquery, by name."""

Output = list[tuple[str, Names]]
"""The columns that a statement returns, in their order."""

_NONE: Names = frozenset()

_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)


class Write(NamedTuple):
    """An insert or an update."""

    table: str
    columns: Columns
    """Of an upsert: what both its insert and its update write."""


@cache
def writes(sql: str) -> list[Write]:
    """Every insert and update of a statement, whose parameters are written `:name`."""
    reader = _Reader()
    reader.output(sqlglot.parse_one(sql, dialect="postgres"), _Scope({}, {}))
    return reader.found


class _Json(dict[str, Names]):
    """The columns of a parameter's JSON: each was sent under its own name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Names:
        return frozenset({name})


class _Scope(NamedTuple):
    ctes: Mapping[str, Columns]
    sources: Mapping[str, Columns]
    """What follows `from`, here and around, by the name before a column's point. A table has no columns here."""


class _Reader:
    def __init__(self) -> None:
        self.found: list[Write] = []

    def output(self, node: exp.Expr, scope: _Scope) -> Output:
        """Read a statement with its CTEs; returns its output."""
        for cte in node.args["with_"].expressions if node.args.get("with_") else ():
            scope = _Scope({**scope.ctes, cte.alias: dict(self.output(cte.this, scope))}, scope.sources)
        if isinstance(node, exp.Subquery):
            return self.output(node.this, scope)
        if isinstance(node, exp.SetOperation):
            arms = self.output(node.this, scope), self.output(node.expression, scope)
            return [(name, one | other) for (name, one), (_, other) in zip(*arms, strict=True)]
        if isinstance(node, exp.Insert):
            return self._insert(node, scope)
        scope = self._inside(node, scope)
        if isinstance(node, exp.Update):
            return self._written(node, node.this, self._assigned(node.expressions, scope), scope)
        columns = node.expressions if isinstance(node, exp.Select) else _returned(node)
        return [(each.alias_or_name, self._sent(each, scope)) for each in columns]

    def _insert(self, node: exp.Insert, scope: _Scope) -> Output:
        names = [column.name for column in node.this.expressions]
        if isinstance(node.expression, exp.Values):
            rows = [self._values(row, scope) for row in node.expression.expressions]
        else:
            rows = [self._values(node.expression, scope)]
        columns = {name: _together(values) for name, *values in zip(names, *rows, strict=True)}
        conflict = node.args.get("conflict")
        if conflict is not None and conflict.expressions:
            keys = {each.this.name for each in conflict.args.get("conflict_keys") or ()}
            updated = self._assigned(conflict.expressions, _Scope(scope.ctes, {**scope.sources, "excluded": columns}))
            columns = {name: sent & (sent if name in keys else updated.get(name, _NONE)) for name, sent in columns.items()}
        return self._written(node, node.this.this, columns, scope)

    def _written(self, node: exp.Expr, table: exp.Expr, columns: Columns, scope: _Scope) -> Output:
        self.found.append(Write(table.name, columns))
        scope = _Scope(scope.ctes, {**scope.sources, table.alias_or_name: columns})
        return [(each.alias_or_name, self._sent(each, scope)) for each in _returned(node)]

    def _assigned(self, assignments: list[exp.Expr], scope: _Scope) -> Columns:
        """The columns of a `set`: `a = 1`, `(a, b) = (select 1, 2 ...)`, `(a, b) = row(1, 2)`."""
        columns: dict[str, Names] = {}
        for each in assignments:
            if isinstance(each.this, exp.Tuple | exp.Paren):
                # Brackets around one column make no tuple.
                names = [column.name for column in each.this.expressions] or [each.this.this.name]
                columns |= zip(names, self._values(each.expression, scope), strict=True)
            else:
                columns[each.this.name] = self._sent(each.expression, scope)
        return columns

    def _values(self, node: exp.Expr, scope: _Scope) -> list[Names]:
        """The values of a query or of a row, in their order."""
        if isinstance(node, _QUERIES):
            return [sent for _, sent in self.output(node, scope)]
        return [self._sent(each, scope) for each in node.expressions]

    def _inside(self, node: exp.Expr, scope: _Scope) -> _Scope:
        """The scope of the expressions of a select, update or delete."""
        start = node.args.get("from_")
        sources = [*([start.this] if start else []), *(node.args.get("using") or [])]
        for each in [*sources, node]:
            sources += [join.this for join in each.args.get("joins") or ()]
        for each in sources:
            scope = _Scope(scope.ctes, {**scope.sources, each.alias_or_name: self._source(each, scope)})
        return scope

    def _source(self, node: exp.Expr, scope: _Scope) -> Columns:
        inner = node.this if isinstance(node, exp.Lateral) else node
        if isinstance(inner, _QUERIES):
            return dict(self.output(inner, scope))
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return scope.ctes.get(node.name, {}) if not node.db else {}
        # A function. What it returns was sent when one of its arguments was.
        arguments = inner.this.expressions if isinstance(inner, exp.Table) else inner.expressions
        if not _together(self._sent(each, scope) for each in arguments):
            return {}
        names = [column.name for column in node.args["alias"].columns]
        if isinstance(node, exp.Unnest):
            # A list may have a name of its own, as `roles`; else a column has that of its array.
            sent = [self._sent(each, scope) for each in arguments]
            return {name: array & {*names} or frozenset({name}) for name, array in zip(names, sent, strict=True)}
        return {name: frozenset({name}) for name in names} or _Json()

    def _sent(self, node: exp.Expr, scope: _Scope) -> Names:
        """The names under which the values of an expression were sent."""
        if isinstance(node, exp.Placeholder):
            return frozenset({node.name})
        if isinstance(node, exp.Column):
            found = [scope.sources.get(node.table, {})] if node.table else scope.sources.values()
            return _together(columns[node.name] for columns in found if node.name in columns)
        if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
            keys = frozenset(each.name for each in node.expression.find_all(exp.JSONPathKey))
            return keys if self._sent(node.this, scope) else _NONE
        if isinstance(node, exp.Lambda) and isinstance(node.this, exp.Literal):
            # Among a function's arguments the parser takes `sent -> 'title'` for a lambda.
            sent = _together(self._sent(exp.column(each.name), scope) for each in node.expressions)
            return frozenset({node.this.name}) if sent else _NONE
        if isinstance(node, _QUERIES):
            return _together(self._values(node, scope))
        return _together(self._sent(each, scope) for each in node.iter_expressions())


def _together(names: Iterable[Names]) -> Names:
    return frozenset[str]().union(*names)


def _returned(node: exp.Expr) -> list[exp.Expr]:
    returning = node.args.get("returning")
    return returning.expressions if returning else []
