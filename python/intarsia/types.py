# SPDX-License-Identifier: Apache-2.0
"""Column types as users write them: `pxt.Int`, `pxt.Float | None`, `pxt.Array[(3,), pxt.Float]`, `pxt.Image['RGB']`."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from intarsia import _native
from intarsia.exceptions import ErrorCode, RequestError

ColumnType = _native.Type


class TypeClass(type):
    """Class of the column types; `T | None` is Python's own union."""

    native: ColumnType

    def __repr__(cls) -> str:
        return str(cls.native)

    def __str__(cls) -> str:
        return str(cls.native)

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, TypeClass) and cls.native == other.native

    def __hash__(cls) -> int:
        return hash(cls.native)


def _narrowed(base: TypeClass, native: ColumnType) -> TypeClass:
    made = TypeClass(base.__name__, (base,), {})
    made.native = native
    return made


class Int(metaclass=TypeClass):
    """64-bit integers."""

    native = _native.Type('Int')


class Float(metaclass=TypeClass):
    """IEEE doubles."""

    native = _native.Type('Float')


class String(metaclass=TypeClass):
    native = _native.Type('String')


class Bool(metaclass=TypeClass):
    native = _native.Type('Bool')


class Timestamp(metaclass=TypeClass):
    """Moments with microseconds, in UTC."""

    native = _native.Type('Timestamp')


class Date(metaclass=TypeClass):
    native = _native.Type('Date')


class UUID(metaclass=TypeClass):
    native = _native.Type('UUID')


class Json(metaclass=TypeClass):
    """Dicts, lists, strings, numbers, booleans and None."""

    native = _native.Type('Json')


class Binary(metaclass=TypeClass):
    native = _native.Type('Binary')


class Video(metaclass=TypeClass):
    native = _native.Type('Video')


class Audio(metaclass=TypeClass):
    native = _native.Type('Audio')


class Document(metaclass=TypeClass):
    native = _native.Type('Document')


class Array(metaclass=TypeClass):
    """Numbers with a shape: `Array[(3,), pxt.Float]`, `Array[(None, 2)]`, `Array[pxt.Int]`, `Array`."""

    native = _native.Type.array(None, [])

    def __class_getitem__(cls, items: Any) -> TypeClass:
        shape: list[int] = []
        dtype = None
        for item in _items(items, of_tuple=int):
            if isinstance(item, tuple):
                shape = [-1 if length is None else length for length in item]
            else:
                dtype = _dtype_name(item)
        return _narrowed(cls, _native.Type.array(dtype, shape))


class Image(metaclass=TypeClass):
    """Pictures: `Image[(96, 96), 'RGB']`, `Image['L']`, `Image[(640, 480)]`, `Image`."""

    native = _native.Type('Image')

    def __class_getitem__(cls, items: Any) -> TypeClass:
        width = height = 0
        mode = None
        for item in _items(items, of_tuple=int):
            if isinstance(item, str):
                mode = item
            elif isinstance(item, tuple) and len(item) == 2:
                width, height = (length or 0 for length in item)
            else:
                raise _invalid(f'Image[...] takes a size (width, height) and a mode, got {item!r}')
        return _narrowed(cls, _native.Type.image(width, height, mode))


class Required:
    """`Required[T]` is T: columns are not null unless they say `| None`."""

    def __class_getitem__(cls, item: Any) -> Any:
        return item


def _invalid(message: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_TYPE, message)


def _items(items: Any, of_tuple: type) -> tuple[Any, ...]:
    """What stands between the brackets; a lone tuple of lengths is one item."""
    if not isinstance(items, tuple) or all(item is None or isinstance(item, of_tuple) for item in items):
        return (items,)
    return items


def _dtype_name(item: Any) -> str:
    known = {Int: 'int64', Float: 'float32', Bool: 'bool', int: 'int64', float: 'float32', bool: 'bool'}
    if isinstance(item, type) and item in known:
        return known[item]
    if isinstance(item, str):
        return item
    if isinstance(item, TypeClass):
        raise _invalid(f'an Array holds numbers, not {item}')
    import numpy as np

    try:
        return str(np.dtype(item).name)
    except TypeError:
        raise _invalid(f'Array[...] takes a shape and a dtype, got {item!r}') from None


def _split_union(spec: Any) -> tuple[Any, bool]:
    """(T, True) of `T | None`."""
    if get_origin(spec) not in (Union, types.UnionType):
        return spec, False
    members = [member for member in get_args(spec) if member is not type(None)]
    if len(members) != 1:
        raise _invalid(f'a type is T or T | None, got {spec}')
    return members[0], len(members) < len(get_args(spec))


def is_type(spec: Any) -> bool:
    return isinstance(_split_union(spec)[0], TypeClass | ColumnType)


def native_type(spec: Any) -> ColumnType:
    """The engine's type of what a user wrote in a schema."""
    spec, nullable = _split_union(spec)
    if isinstance(spec, TypeClass):
        spec = spec.native
    if isinstance(spec, ColumnType):
        return spec.as_nullable() if nullable else spec
    if isinstance(spec, type):
        better = _PYTHON_NAMES.get(spec.__name__)
        advice = f'; use `pxt.{better}` instead' if better else ''
        raise _invalid(f'Python type `{spec.__name__}` is no column type{advice}')
    raise _invalid(f'not a column type: {spec!r}')


_PYTHON_NAMES = {
    'int': 'Int',
    'float': 'Float',
    'str': 'String',
    'bool': 'Bool',
    'datetime': 'Timestamp',
    'date': 'Date',
    'UUID': 'UUID',
    'bytes': 'Binary',
    'dict': 'Json',
    'list': 'Json',
    'tuple': 'Json',
    'ndarray': 'Array',
    'Image': 'Image',
}


def annotation_type(annotation: Any) -> ColumnType | None:
    """The type of a function's parameter or result; Python's own types are fine here. None: it says no type."""
    if annotation is Any:
        return Json.native.as_nullable()
    annotation, nullable = _split_union(annotation)
    name = getattr(get_origin(annotation) or annotation, '__name__', '')
    if isinstance(annotation, TypeClass | ColumnType):
        native = native_type(annotation)
    elif name in _PYTHON_NAMES:
        native = globals()[_PYTHON_NAMES[name]].native
    else:
        return None
    return native.as_nullable() if nullable else native
