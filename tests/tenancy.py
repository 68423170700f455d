"""Whether a statement keeps to one tenant: what tests/test_sql.py asks of every query.

Owned tables are those with a column user_id, and users with its id. In every select, update and delete that touches one, that
column must equal `:user_id` by a condition at the top of its `where` or of a join's `on`, bound to the others by "and" alone;
or equal a column of which that is known already: of another table of the same join, or of an earlier CTE. An insert must put
such a value into it. What cannot be parsed, or is not understood, is a fault.

A statement for several calls has `unnest(:user_id::uuid[], ...)` once: in each of its rows that column is the caller's id, and
the others belong to the same call.
"""

from collections.abc import Collection, Iterator, Mapping

import sqlglot
from sqlglot import exp

Output = list[tuple[str, bool]]
"""The columns that a statement gives: their names, and whether each is sure to be the caller's id."""

_STATEMENTS = (exp.Select, exp.SetOperation, exp.Subquery, exp.Insert, exp.Update, exp.Delete)


def faults(sql: str, owned: Mapping[str, str], relations: Collection[str]) -> list[str]:
    """What is wrong with a statement, in sentences; nothing when it keeps to one tenant.

    `owned` gives the column of each owned table that says whose a row is; `relations` are all tables and views that exist.
    Parameters are written `:name`.
    """
    try:
        statements = sqlglot.parse(sql, dialect="postgres")
    except sqlglot.errors.SqlglotError as error:
        return [f"cannot be parsed: {error}"]
    if len(statements) != 1 or statements[0] is None:
        return ["is not one statement"]
    checker = _Checker(owned, relations, _of_callers(statements[0]))
    checker.statement(statements[0], {})
    for table in statements[0].find_all(exp.Table):
        # "for update of t" names a source again.
        if id(table) not in checker.seen and not isinstance(table.parent, exp.Lock):
            checker.faults.append(f"{table.sql()}: stands where it is not understood")
    return checker.faults


def touches(sql: str, owned: Collection[str]) -> bool:
    """Whether a statement names one of these tables, or cannot be read."""
    try:
        return any(table.name in owned for table in sqlglot.parse_one(sql, dialect="postgres").find_all(exp.Table))
    except sqlglot.errors.SqlglotError:
        return True


class _Checker:
    def __init__(self, owned: Mapping[str, str], relations: Collection[str], callers: list[tuple[str, str]]) -> None:
        self.owned = owned
        self.relations = relations
        self.faults: list[str] = []
        if len(callers) > 1:
            self.faults.append("the callers are unnested twice: a row of one call could meet that of another")
        self._callers = callers
        self.seen: set[int] = set()

    def statement(self, node: exp.Expr, ctes: Mapping[str, frozenset[str]]) -> Output:
        """Check a statement and all that is inside. `ctes`: the columns of each CTE in sight that are the caller's id."""
        self.seen.add(id(node))
        known = dict(ctes)
        for cte in node.args["with_"].expressions if node.args.get("with_") else ():
            if cte.alias in self.owned:
                self.faults.append(f"{cte.alias}: a CTE and an owned table have the same name")
            # Of itself, in a recursive one, nothing is known yet: both arms need the condition.
            known[cte.alias] = frozenset()
            known[cte.alias] = _tenants(self.statement(cte.this, known), cte)
        output: Output = []
        if isinstance(node, exp.Select):
            output = self._select(node, known)
        elif isinstance(node, exp.SetOperation):
            arms = self.statement(node.this, known), self.statement(node.expression, known)
            output = [(name, left and right) for (name, left), (_, right) in zip(*arms, strict=False)]
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select | exp.SetOperation | exp.Subquery):
            output = self.statement(node.this, known)
        elif isinstance(node, exp.Insert):
            output = self._insert(node, known)
        elif isinstance(node, exp.Update | exp.Delete):
            output = self._change(node, known)
        else:
            self.faults.append(f"{node.sql(dialect='postgres')[:80]}: is not understood")
        self._inside(node, known)
        return output

    def is_caller(self, node: exp.Expr) -> bool:
        """Whether this is the caller's id: `:user_id`, or, in a statement for several, the column of each call's."""
        return _is_caller(node) or (isinstance(node, exp.Column) and (node.table, node.name) in self._callers)

    def _inside(self, node: exp.Expr, ctes: Mapping[str, frozenset[str]]) -> None:
        """Check the statements inside an expression that were not yet: after `exists`, `in`, `=`."""
        for child in node.iter_expressions():
            if isinstance(child, _STATEMENTS):
                if id(child) not in self.seen:
                    self.statement(child, ctes)
            else:
                self._inside(child, ctes)

    def _select(self, node: exp.Select, ctes: Mapping[str, frozenset[str]]) -> Output:
        start = node.args.get("from_")
        scope = _Scope(self, ctes, [*([start.this] if start else []), *(node.args.get("joins") or [])], node.args.get("where"))
        return scope.output(node.expressions)

    def _change(self, node: exp.Update | exp.Delete, ctes: Mapping[str, frozenset[str]]) -> Output:
        others = [node.args["from_"].this] if node.args.get("from_") else node.args.get("using") or []
        scope = _Scope(self, ctes, [node.this, *others], node.args.get("where"))
        if isinstance(node, exp.Update):
            self._assignments(node.this, node.expressions)
        return scope.output(_returned(node))

    def _assignments(self, table: exp.Expr, assignments: list[exp.Expr]) -> None:
        """No row may be handed to somebody else."""
        for assignment in assignments:
            left = assignment.this if isinstance(assignment, exp.EQ) else assignment
            columns: list[exp.Expr] = left.expressions if isinstance(left, exp.Tuple) else [left]
            if not all(isinstance(column, exp.Column) for column in columns):
                self.faults.append(f"{assignment.sql()}: is not understood")
            elif any(column.name == self.owned.get(table.name) for column in columns):
                self.faults.append(f"{table.name}: an update sets {self.owned[table.name]}")

    def _insert(self, node: exp.Insert, ctes: Mapping[str, frozenset[str]]) -> Output:
        table = node.this.this if isinstance(node.this, exp.Schema) else node.this
        self.seen.add(id(table))
        names = [column.name for column in node.this.expressions] if isinstance(node.this, exp.Schema) else []
        body = node.expression
        rows = [self.statement(body, ctes)] if isinstance(body, _STATEMENTS) else []
        if isinstance(body, exp.Values):
            rows = [[("", _is_caller(value)) for value in row.expressions] for row in body.expressions]
        if not isinstance(table, exp.Table) or table.name not in self.relations:
            self.faults.append(f"{table.sql()}: there is no such table")
            return []
        key = self.owned.get(table.name)
        if key is None:
            return []
        place = names.index(key) if key in names else None
        if place is None or not rows or not all(len(row) > place and row[place][1] for row in rows):
            self.faults.append(f"{table.name}: an insert does not put :user_id into {key}")
            return []
        conflict = node.args.get("conflict")
        if conflict is not None and conflict.args["action"].name != "DO NOTHING":
            # The row it meets is the caller's own only if the owner is part of what collides.
            if key not in {each.this.name for each in conflict.args.get("conflict_keys") or []}:
                self.faults.append(f"{table.name}: on conflict ... do update without {key} among the columns in brackets")
            self._assignments(table, conflict.expressions)
        return [
            (each.alias_or_name, isinstance(each.unalias(), exp.Column) and each.unalias().name == key)
            for each in _returned(node)
        ]


class _Scope:
    """The tables of one select, update or delete, and which of their columns are sure to be the caller's id."""

    def __init__(
        self, checker: _Checker, ctes: Mapping[str, frozenset[str]], sources: list[exp.Expr], where: exp.Expr | None
    ) -> None:
        self._checker = checker
        self._ctes = ctes
        self._names: list[str] = []
        self._keys: list[tuple[str, str]] = []
        self._known: set[tuple[str, str]] = set()
        # Each with the one source that it may say something about; None: any.
        self._equal: list[tuple[exp.EQ, str | None]] = []
        self._outer: list[str] = []
        for source in sources:
            self._add(source)
        self._conditions(where.this if where else None, None)
        self._conclude()
        for alias, key in self._keys:
            if (alias, key) not in self._known:
                checker.faults.append(f"{alias}: no condition {alias}.{key} = :user_id")
        if self._keys and self._outer:
            checker.faults.append(f"{self._outer[0]}: such a join is not understood")
        if len(set(self._names)) != len(self._names):
            checker.faults.append(f"{self._names}: two sources of one name")

    def output(self, columns: list[exp.Expr]) -> Output:
        if any(column.is_star for column in columns):
            return []
        return [(column.alias_or_name, self._is_tenant(column.unalias())) for column in columns]

    def _add(self, node: exp.Expr) -> None:
        if isinstance(node, exp.Join):
            self._join(node)
            return
        alias = node.alias_or_name
        self._names.append(alias)
        inner = node.this if isinstance(node, exp.Lateral) else node
        if isinstance(inner, exp.Subquery):
            self._known |= {(alias, column) for column in _tenants(self._checker.statement(inner, self._ctes), node)}
        elif isinstance(node, exp.Table):
            self._checker.seen.add(id(node))
            self._add_table(node, alias)
        elif isinstance(node, exp.Unnest):
            self._known |= {*_of_callers(node)}
        for join in node.args.get("joins") or []:
            self._join(join)

    def _add_table(self, table: exp.Table, alias: str) -> None:
        if not isinstance(table.this, exp.Identifier):
            # A function: jsonb_to_recordset(...). Statements among its arguments are looked at by _inside.
            return
        if not table.db and table.name in self._ctes:
            self._known |= {(alias, column) for column in self._ctes[table.name]}
        elif table.name in self._checker.owned:
            self._keys.append((alias, self._checker.owned[table.name]))
        elif table.name not in self._checker.relations:
            self._checker.faults.append(f"{table.name}: there is no such table")

    def _join(self, join: exp.Join) -> None:
        self._add(join.this)
        if join.side not in {"", "LEFT"} or join.kind not in {"", "INNER", "CROSS", "OUTER"}:
            self._outer.append(join.sql())
        for column in join.args.get("using") or []:
            columns = [exp.column(column.name, table=name) for name in self._names]
            about = join.this.alias_or_name if join.side else None
            self._equal += [(exp.EQ(this=columns[-1], expression=each), about) for each in columns[:-1]]
        # A left join's condition leaves every row of the left side: it says something about the right side only.
        self._conditions(join.args.get("on"), join.this.alias_or_name if join.side else None)

    def _conditions(self, condition: exp.Expr | None, about: str | None) -> None:
        for each in _anded(condition):
            if isinstance(each, exp.EQ):
                self._equal.append((each, about))

    def _conclude(self) -> None:
        size = -1
        while size != len(self._known):
            size = len(self._known)
            for equality, about in self._equal:
                for this, other in ((equality.left, equality.right), (equality.right, equality.left)):
                    column = self._column(other)
                    if column and self._is_tenant(this) and about in {None, column[0]}:
                        self._known.add(column)

    def _is_tenant(self, node: exp.Expr) -> bool:
        return self._checker.is_caller(node) or self._column(node) in self._known

    def _column(self, node: exp.Expr) -> tuple[str, str] | None:
        """Which source's column this is. Without a prefix that is known of the only source alone."""
        if not isinstance(node, exp.Column):
            return None
        alias = node.table or (self._names[0] if len(self._names) == 1 else "")
        return (alias, node.name) if alias in self._names else None


def _of_callers(node: exp.Expr) -> list[tuple[str, str]]:
    """The columns out of `unnest(:user_id::uuid[], ...)`, each with the name of its source."""
    return [
        (unnested.alias, column.name)
        for unnested in node.find_all(exp.Unnest)
        for column, array in zip(unnested.args["alias"].columns, unnested.expressions, strict=False)
        if isinstance(array, exp.Cast) and array.this == exp.Placeholder(this="user_id")
    ]


def _anded(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conditions that all must be true."""
    if isinstance(condition, exp.Paren):
        yield from _anded(condition.this)
    elif isinstance(condition, exp.And):
        yield from _anded(condition.left)
        yield from _anded(condition.right)
    elif isinstance(condition, exp.Is) and condition.expression == exp.true():
        # "(a = b) is true" says no less than "a = b", and no index is used for it.
        yield from _anded(condition.this)
    elif condition is not None:
        yield condition


def _is_caller(node: exp.Expr) -> bool:
    """Whether this is `:user_id` or `:user_id::uuid`."""
    if isinstance(node, exp.Cast) and node.to.is_type("uuid"):
        node = node.this
    return isinstance(node, exp.Placeholder) and node.name == "user_id"


def _returned(node: exp.Expr) -> list[exp.Expr]:
    returning = node.args.get("returning")
    return returning.expressions if returning else []


def _tenants(output: Output, named: exp.Expr) -> frozenset[str]:
    """The names under which a source gives the caller's id. None when it renames its columns."""
    alias = named.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return frozenset()
    return frozenset(name for name, is_tenant in output if is_tenant) - {name for name, is_tenant in output if not is_tenant}
