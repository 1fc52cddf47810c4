# SPDX-License-Identifier: Apache-2.0
"""Expressions over columns: operators, JSON paths, methods and properties of the value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from intarsia import _native
from intarsia.exceptions import ErrorCode, RequestError, unsupported
from intarsia.types import ColumnType, native_type

_FAMILIES = {
    'Int': 'math',
    'Float': 'math',
    'Bool': 'bool',
    'String': 'string',
    'Timestamp': 'timestamp',
    'Date': 'date',
    'UUID': 'uuid',
    'Json': 'json',
    'Array': 'array',
    'Binary': 'binary',
    'Image': 'image',
    'Video': 'video',
    'Audio': 'audio',
    'Document': 'document',
}
_CELL_PROPERTIES = frozenset({'errortype', 'errormsg', 'fileurl', 'localpath'})
_udf_methods: dict[tuple[str, str], str] = {}  # (kind, name) -> name of the function


def add_udf_method(kind: str, name: str, function: str) -> None:
    _udf_methods[kind, name] = function


def operand(value: Any) -> _native.Expr:
    """The engine's expression of an expression or a literal."""
    if isinstance(value, Expr):
        return value._native
    if isinstance(value, MethodRef):
        raise RequestError(ErrorCode.INVALID_EXPRESSION, f'{value} is a method: call it')
    if isinstance(value, list | tuple | dict) and _holds_expr(value):
        raise unsupported(f'lists and dicts of expressions are not supported yet: {value!r}')
    return _native.Expr.literal(value)


def _holds_expr(value: Any) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return isinstance(value, Expr)
    return any(_holds_expr(item) for item in value)


def call(function: str, *positional: Any, **named: Any) -> Expr:
    args = [operand(arg) for arg in positional]
    return Expr(_native.Expr.call(function, args, {name: operand(arg) for name, arg in named.items()}))


class Expr:
    """Part of a query or of a computed column. `t.price * 2 > 5`, `t.info.tags[0]`, `t.img.resize((96, 96))`."""

    __slots__ = ('_method', '_native')

    def __init__(self, native: _native.Expr, method: tuple[Expr, str] | None = None) -> None:
        self._native = native
        self._method = method  # of a JSON path that may be meant as a method call: (what it is of, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._native.json(), self._method)

    @property
    def col_type(self) -> ColumnType:
        return self._native.type

    def __repr__(self) -> str:
        return self._native.text()

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        if name in _CELL_PROPERTIES:
            return call(f'cell.{name}', self)
        kind = self._native.type.kind
        if kind == 'Json':
            return Expr(self._native.path(json.dumps([name])), method=(self, name))
        function = _udf_methods.get((kind, name)) or f'{_FAMILIES[kind]}.{name}'
        info = _native.find_function(function)
        if info is not None and info.is_property:
            return call(function, self)
        if info is not None and info.is_method:
            return MethodRef(self, function, name)
        raise AttributeError(f'Unknown method (of type {self._native.type}): {name}')

    def __call__(self, *args: Any, **kwargs: Any) -> Expr:
        if self._method is None:
            raise TypeError(f'{self} is an expression and cannot be called')
        base, name = self._method
        function = _udf_methods.get(('Json', name)) or f'json.{name}'
        if _native.find_function(function) is None:
            raise AttributeError(f'Unknown method (of type {base.col_type}): {name}')
        return call(function, base, *args, **kwargs)

    def __dir__(self) -> list[str]:
        family = _FAMILIES[self._native.type.kind] + '.'
        methods = [
            f.name for f in _native.list_functions() if f.name.startswith(family) and (f.is_method or f.is_property)
        ]
        return sorted({*object.__dir__(self), *(name.removeprefix(family) for name in methods)})

    def __getitem__(self, step: Any) -> Expr:
        if isinstance(step, slice):
            step = {'slice': [step.start, step.stop, step.step]}
        elif isinstance(step, bool) or not isinstance(step, str | int):
            raise RequestError(
                ErrorCode.INVALID_EXPRESSION, f'a JSON path step is a key, an index or a slice: {step!r}'
            )
        return Expr(self._native.path(json.dumps([step])))

    def astype(self, new_type: Any) -> Expr:
        """The value as another type; one that cannot be converted is a cell with an error."""
        return Expr(self._native.astype(native_type(new_type)))

    def isin(self, value_set: Iterable[Any]) -> Expr:
        if isinstance(value_set, Expr) or not isinstance(value_set, Iterable):
            raise RequestError(
                ErrorCode.INVALID_ARGUMENT, f'isin() takes a list or another iterable, got {value_set!r}'
            )
        return Expr(self._native.isin(value_set))

    def apply(self, fn: Callable[..., Any], *, col_type: Any = None) -> Expr:
        """Calls a Python function of one argument for every value. `col_type`: of its result, if it says none."""
        from intarsia.func import udf_of_apply

        return udf_of_apply(fn, self.col_type, None if col_type is None else native_type(col_type))(self)

    def __add__(self, other: Any) -> Expr:
        return call('op.add', self, other)

    def __radd__(self, other: Any) -> Expr:
        return call('op.add', other, self)

    def __sub__(self, other: Any) -> Expr:
        return call('op.sub', self, other)

    def __rsub__(self, other: Any) -> Expr:
        return call('op.sub', other, self)

    def __mul__(self, other: Any) -> Expr:
        return call('op.mul', self, other)

    def __rmul__(self, other: Any) -> Expr:
        return call('op.mul', other, self)

    def __truediv__(self, other: Any) -> Expr:
        return call('op.div', self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return call('op.div', other, self)

    def __floordiv__(self, other: Any) -> Expr:
        return call('op.floordiv', self, other)

    def __rfloordiv__(self, other: Any) -> Expr:
        return call('op.floordiv', other, self)

    def __mod__(self, other: Any) -> Expr:
        return call('op.mod', self, other)

    def __rmod__(self, other: Any) -> Expr:
        return call('op.mod', other, self)

    def __pow__(self, other: Any) -> Expr:
        return call('math.pow', self, other)

    def __rpow__(self, other: Any) -> Expr:
        return call('math.pow', other, self)

    def __neg__(self) -> Expr:
        return call('op.neg', self)

    def __abs__(self) -> Expr:
        return call('math.abs', self)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return call('op.eq', self, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return call('op.ne', self, other)

    def __lt__(self, other: Any) -> Expr:
        return call('op.lt', self, other)

    def __le__(self, other: Any) -> Expr:
        return call('op.le', self, other)

    def __gt__(self, other: Any) -> Expr:
        return call('op.gt', self, other)

    def __ge__(self, other: Any) -> Expr:
        return call('op.ge', self, other)

    def __and__(self, other: Any) -> Expr:
        return call('op.and', self, other)

    def __rand__(self, other: Any) -> Expr:
        return call('op.and', other, self)

    def __or__(self, other: Any) -> Expr:
        return call('op.or', self, other)

    def __ror__(self, other: Any) -> Expr:
        return call('op.or', other, self)

    def __invert__(self) -> Expr:
        return call('op.not', self)

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f'an expression has no truth value: write & | ~ for and, or, not; == None for a null test: {self}'
        )

    def __len__(self) -> NoReturn:
        raise unsupported(f'len() of an expression: strings and JSON have .len(), tables and queries .count(): {self}')

    def __iter__(self) -> NoReturn:
        raise unsupported(f'an expression is not iterable; its values come from select(...).collect(): {self}')


def _restored(kind: type[Expr], json: str, method: tuple[Expr, str] | None) -> Expr:
    expr = kind(_native.Expr.from_json(json))
    expr._method = method
    return expr


class ColumnRef(Expr):
    """A column of a table or view."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return self._native.name


class MethodRef:
    """A method of an expression that was not called yet."""

    __slots__ = ('_base', '_function', '_name')

    def __init__(self, base: Expr, function: str, name: str) -> None:
        self._base = base
        self._function = function
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Expr:
        return call(self._function, self._base, *args, **kwargs)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        info = _native.find_function(self._function)
        return '' if info is None else info.doc

    def __repr__(self) -> str:
        return f'{self._base}.{self._name}'
