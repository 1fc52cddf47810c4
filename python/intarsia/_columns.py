# SPDX-License-Identifier: Apache-2.0
"""Columns as users declare them: a type, an expression, or a dict of both and more."""

from __future__ import annotations

import json
from typing import Any

from intarsia.exceptions import ErrorCode, RequestError, invalid_argument, refuse_arguments
from intarsia.exprs import Expr, MethodRef, operand
from intarsia.types import is_type, native_type

_KEYS = ('type', 'value', 'stored', 'media_validation', 'primary_key', 'comment', 'custom_metadata', 'destination')


def check_column_name(name: Any) -> None:
    """Refuses what cannot be a column: no identifier, or a method of tables."""
    from intarsia.table import Table

    if not isinstance(name, str) or not name.isidentifier() or name.startswith('_'):
        raise RequestError(ErrorCode.INVALID_COLUMN_NAME, f'Invalid column name: {name!r}')
    if hasattr(Table, name):
        message = f"column name '{name}' is reserved: it is a method of tables; choose another one"
        raise RequestError(ErrorCode.INVALID_COLUMN_NAME, message)


def _metadata_json(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as failure:
        raise invalid_argument(f'custom_metadata holds what JSON can hold: {failure}') from failure


def _fields(name: str, **given: Any) -> dict[str, Any]:
    return {'name': name, **dict.fromkeys(key for key in _KEYS if key != 'destination'), **given}


def computed_column(
    name: str, value: Any, *, stored: bool | None, comment: str, custom_metadata: Any
) -> dict[str, Any]:
    """A computed column for the engine."""
    check_column_name(name)
    if is_type(value) or isinstance(value, type) or (callable(value) and not isinstance(value, Expr | MethodRef)):
        raise RequestError(ErrorCode.TYPE_MISMATCH, f"column '{name}' needs an expression, got {value!r}")
    return _fields(
        name, value=operand(value), stored=stored, comment=comment, custom_metadata=_metadata_json(custom_metadata)
    )


def _declared(name: str, spec: Any) -> dict[str, Any]:
    check_column_name(name)
    if isinstance(spec, Expr):
        return _fields(name, value=operand(spec))
    if not isinstance(spec, dict):
        if is_type(spec) or isinstance(spec, type):
            return _fields(name, type=native_type(spec))
        raise RequestError(ErrorCode.TYPE_MISMATCH, f"Invalid spec for column '{name}': {spec!r}")
    return _declared_by_dict(name, spec)


def _declared_by_dict(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    for key in spec:
        if key not in _KEYS:
            raise invalid_argument(f"Column '{name}': invalid key {key!r}; keys are {', '.join(_KEYS)}")
    refuse_arguments(f"column '{name}'", destination=spec.get('destination'))
    if ('type' in spec) == ('value' in spec):
        raise RequestError(ErrorCode.INVALID_SCHEMA, f"Column '{name}': give either 'type' or 'value'")
    fields = {key: value for key, value in spec.items() if key not in ('type', 'value', 'destination')}
    fields['custom_metadata'] = _metadata_json(spec.get('custom_metadata'))
    for key in ('stored', 'primary_key'):
        if fields.get(key) is not None and not isinstance(fields[key], bool):
            raise invalid_argument(f"Column '{name}': {key!r} is True or False, got {fields[key]!r}")
    if 'type' in spec:
        return _fields(name, type=native_type(spec['type']), **fields)
    return _fields(name, value=operand(spec['value']), **fields)


def declared_columns(schema: Any, primary_key: str | list[str] | None = None) -> list[dict[str, Any]]:
    """The columns of a schema for the engine."""
    if not isinstance(schema, dict) or not schema:
        raise invalid_argument('`schema` is a dict {column name: type or expression} that is not empty')
    columns = [_declared(name, spec) for name, spec in schema.items()]
    by_lower: dict[str, str] = {}
    for name in schema:
        if name.lower() in by_lower:
            message = f"column names differ by more than case; got '{by_lower[name.lower()]}' and '{name}'"
            raise RequestError(ErrorCode.INVALID_SCHEMA, message)
        by_lower[name.lower()] = name
    keys = [primary_key] if isinstance(primary_key, str) else list(primary_key or [])
    for key in keys:
        if key not in schema:
            raise RequestError(ErrorCode.INVALID_SCHEMA, f"primary_key: there is no column '{key}'")
    for column in columns:
        if column['name'] in keys:
            column['primary_key'] = True
    return columns
