# SPDX-License-Identifier: Apache-2.0
"""Queries over a table or view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from intarsia import _display, _native
from intarsia._async import async_variant
from intarsia._cursor import ResultCursor
from intarsia.exceptions import ErrorCode, RequestError, invalid_argument, unsupported
from intarsia.exprs import Expr, operand
from intarsia.results import ResultSet
from intarsia.types import ColumnType
from intarsia.update_status import UpdateStatus

if TYPE_CHECKING:
    from intarsia.table import Table


def _whole_number(call: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, '__index__'):
        kind = type(value).__name__
        raise RequestError(ErrorCode.TYPE_MISMATCH, f'{call}() takes a number of rows, got {kind} {value!r}')
    number = int(value)
    if number < 0:
        raise invalid_argument(f'{call}() takes a number of rows that is not negative, got {number}')
    return number


def _require_expr(call: str, value: Any) -> Expr:
    if not isinstance(value, Expr):
        raise RequestError(ErrorCode.INVALID_EXPRESSION, f'{call}() takes expressions, got {value!r}')
    return value


class Query:
    """Immutable: each method gives a new query, and nothing runs before collect(), count(), head(), tail() or show().

    >>> t.where(t.price > 5).order_by(t.price, asc=False).select(t.name, total=t.price * t.n).limit(3).collect()
    """

    def __init__(self, table: Table, native: _native.Query, clauses: dict[str, Any] | None = None) -> None:
        self._table = table
        self._native = native
        self._clauses: dict[str, Any] = clauses or {}

    def __reduce__(self) -> tuple[Any, ...]:
        select = self._clauses.get('select')
        clauses = (
            {**self._clauses, 'select': [(name, Expr(item)) for name, item in select]} if select else self._clauses
        )
        return _restored, (self._table, clauses)

    def _with(self, native: _native.Query, **clauses: Any) -> Query:
        return Query(self._table, native, {**self._clauses, **clauses})

    def select(self, *items: Any, **named_items: Any) -> Query:
        """Columns of the result: expressions or literals, named by keyword or after what they are."""
        if not items and not named_items:
            return self
        pairs = [('', operand(item)) for item in items]
        pairs += [(name, operand(item)) for name, item in named_items.items()]
        if 'select' in self._clauses:
            raise RequestError(ErrorCode.INVALID_STATE, 'select(): the query has a select list already')
        return self._with(self._native.select(pairs), select=pairs)

    def where(self, pred: Expr) -> Query:
        """Rows for which `pred` is true; of several calls all must hold."""
        condition = _require_expr('where', pred)
        both = self._clauses['where'] & condition if 'where' in self._clauses else condition
        return self._with(self._native.where(condition._native), where=both)

    def order_by(self, *expr_list: Expr, asc: bool = True) -> Query:
        keys = [_require_expr('order_by', key) for key in expr_list]
        order = [*self._clauses.get('order_by', []), *((key, asc) for key in keys)]
        return self._with(self._native.order_by([key._native for key in keys], asc), order_by=order)

    def group_by(self, *grouping_items: Expr) -> Query:
        keys = [_require_expr('group_by', key) for key in grouping_items]
        return self._with(self._native.group_by([key._native for key in keys]), group_by=keys)

    def limit(self, n: int, offset: int | None = None) -> Query:
        rows, skipped = _whole_number('limit', n), _whole_number('limit', 0 if offset is None else offset)
        return self._with(self._native.limit(rows, skipped), limit=rows, offset=skipped)

    @property
    def schema(self) -> dict[str, ColumnType]:
        return dict(self._native.schema())

    @property
    def has_select_list(self) -> bool:
        return 'select' in self._clauses

    def collect(self) -> ResultSet:
        return ResultSet(self._native.collect())

    def cursor(self) -> ResultCursor:
        """The rows one after the other, in bounded memory."""
        return ResultCursor(self)

    def count(self) -> int:
        return self._native.count()

    def head(self, n: int = 10) -> ResultSet:
        """The first `n` rows in insertion order."""
        return ResultSet(self._native.head(_whole_number('head', n)))

    def tail(self, n: int = 10) -> ResultSet:
        """The last `n` rows, in insertion order."""
        return ResultSet(self._native.tail(_whole_number('tail', n)))

    def show(self, n: int = 20) -> ResultSet:
        """The first `n` rows of the result."""
        rows = _whole_number('show', n)
        return self.limit(min(rows, self._clauses.get('limit', rows)), self._clauses.get('offset')).collect()

    def update(self, value_spec: dict[str, Any], cascade: bool = True) -> UpdateStatus:
        """Table.update of the rows that the query chooses with `where`."""
        return self._table.update(value_spec, self._chosen_rows('update'), cascade)

    def delete(self) -> UpdateStatus:
        """Table.delete of the rows that the query chooses with `where`."""
        return self._table.delete(self._chosen_rows('delete'))

    acollect = async_variant(collect)
    acount = async_variant(count)
    ahead = async_variant(head)
    atail = async_variant(tail)
    ashow = async_variant(show)
    aupdate = async_variant(update)
    adelete = async_variant(delete)

    def _chosen_rows(self, call: str) -> Expr | None:
        for clause in ('select', 'group_by', 'order_by', 'limit'):
            if clause in self._clauses:
                raise unsupported(f'Cannot use `{call}` after `{clause}`.')
        return self._clauses.get('where')

    def explain(self) -> str:
        """What runs in SQL and what in the engine."""
        return self._native.explain()

    def _select_rows(self) -> list[tuple[str, str, str]]:
        schema = self._native.schema()
        items = self._clauses.get('select')
        texts = [expr.text() for _, expr in items] if items else [name for name, _ in schema]
        return [(name, str(type_), text) for (name, type_), text in zip(schema, texts, strict=True)]

    def _clause_rows(self) -> list[tuple[str, str]]:
        rows = [('From', self._table._native.info().name)]
        if 'where' in self._clauses:
            rows.append(('Where', str(self._clauses['where'])))
        if 'group_by' in self._clauses:
            rows.append(('Group By', ', '.join(map(str, self._clauses['group_by']))))
        if 'order_by' in self._clauses:
            keys = (f'{key} {"asc" if asc else "desc"}' for key, asc in self._clauses['order_by'])
            rows.append(('Order By', ', '.join(keys)))
        if 'limit' in self._clauses:
            rows.append(('Limit', str(self._clauses['limit'])))
        return rows

    def __repr__(self) -> str:
        clauses = self._clause_rows()
        label, text = (max(len(row[i]) for row in clauses) for i in (0, 1))
        lines = [f'{name:{label}}  {value:>{text}}' for name, value in clauses]
        return _display.text_table(('Name', 'Type', 'Expression'), self._select_rows()) + '\n\n' + '\n'.join(lines)

    def _repr_html_(self) -> str:
        columns = _display.html_table(('Name', 'Type', 'Expression'), self._select_rows())
        return columns + _display.html_table(('', ''), self._clause_rows())

    def describe(self) -> None:
        """Prints what the query selects, and from where."""
        _display.show(repr(self), self._repr_html_())


def _restored(table: Table, clauses: dict[str, Any]) -> Query:
    query = table._query()
    for name, value in clauses.items():
        if name == 'select':
            query = query._with(
                query._native.select([(n, e._native) for n, e in value]), select=[(n, e._native) for n, e in value]
            )
        elif name == 'where':
            query = query.where(value)
        elif name == 'group_by':
            query = query.group_by(*value)
        elif name == 'order_by':
            for key, ascending in value:
                query = query.order_by(key, asc=ascending)
        elif name == 'limit':
            query = query.limit(value, clauses['offset'])
    return query
