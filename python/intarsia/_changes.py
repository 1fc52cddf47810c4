# SPDX-License-Identifier: Apache-2.0
"""What update and delete take, as the engine takes it."""

from __future__ import annotations

from typing import Any

from intarsia import _native
from intarsia.exceptions import ErrorCode, RequestError, invalid_argument
from intarsia.exprs import Expr, operand

_MEDIA = ('Image', 'Video', 'Audio', 'Document')


def assignments(table: _native.Table, values: dict[str, Any]) -> list[tuple[str, _native.Expr]]:
    """Column names with expressions; a plain value is a literal of its column's type."""
    if not isinstance(values, dict):
        raise invalid_argument(f'update() takes a dict {{column name: value or expression}}, got {values!r}')
    if not values:
        raise invalid_argument('update() takes a dict {column name: value or expression}, got an empty one')
    for name in values:
        if not isinstance(name, str):
            raise invalid_argument(f'update(): the keys are column names, got {name!r}')
    types = {column.name: column.type for column in table.info().columns}
    return [(name, _assigned(name, value, types.get(name))) for name, value in values.items()]


def _assigned(name: str, value: Any, type_: _native.Type | None) -> _native.Expr:
    if isinstance(value, Expr) or value is None or type_ is None or type_.kind in _MEDIA:
        return operand(str(value) if hasattr(value, '__fspath__') else value)
    try:
        return _native.Expr.typed_literal(value, type_)
    except RequestError as failure:
        raise RequestError(ErrorCode.TYPE_MISMATCH, f"update(): column '{name}': {failure}") from failure


def condition(call: str, where: Expr | None) -> _native.Expr | None:
    if where is None or isinstance(where, Expr):
        return None if where is None else where._native
    raise RequestError(ErrorCode.INVALID_EXPRESSION, f'{call}(): `where` is an expression, got {where!r}')
