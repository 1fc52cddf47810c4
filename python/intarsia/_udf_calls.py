# SPDX-License-Identifier: Apache-2.0
"""What the engine asks about Python functions: tracebacks, fingerprints, imports."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any


def format_traceback(failure: BaseException) -> str:
    import traceback

    return ''.join(traceback.format_exception(type(failure), failure, failure.__traceback__))


def _code_parts(code: CodeType) -> list[Any]:
    """Everything that decides what code does, and nothing that says where it stands."""
    constants = [_code_parts(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return [code.co_code.hex(), constants, code.co_names, code.co_varnames]


def fingerprint(fn: Callable[..., Any]) -> str:
    """Hash of a function's code, defaults and closure, and of what of its module it uses: functions, classes, and
    constants. What other modules define is taken as it is."""
    import hashlib

    return hashlib.sha256(repr(_function_parts(fn, set())).encode()).hexdigest()


def _function_parts(fn: Any, seen: set[int]) -> list[Any]:
    if id(fn) in seen:
        return []
    seen.add(id(fn))
    code = fn.__code__
    closure = [_value_parts(cell.cell_contents, fn.__module__, seen) for cell in fn.__closure__ or ()]
    used = [_value_parts(fn.__globals__[name], fn.__module__, seen) for name in _names(code) if name in fn.__globals__]
    return [_code_parts(code), repr(fn.__defaults__), repr(fn.__kwdefaults__), closure, used]


def _names(code: CodeType) -> list[str]:
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += _names(constant)
    return names


def _value_parts(value: Any, module: str, seen: set[int]) -> Any:
    value = getattr(value, 'py_fn', None) or value  # a UDF that calls another
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | tuple | frozenset):
        return repr(value)
    if getattr(value, '__module__', None) != module:
        return getattr(value, '__name__', type(value).__name__)
    if isinstance(value, type):
        return [_function_parts(part, seen) for part in vars(value).values() if hasattr(part, '__code__')]
    return _function_parts(value, seen) if hasattr(value, '__code__') else type(value).__name__


def import_module(module: str, function: str) -> bool:
    """Whether there is such a module. One that cannot be imported disables the columns that need it, and says why."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as failure:
        if failure.name is not None and (module == failure.name or module.startswith(failure.name + '.')):
            return False
        warnings.warn(f"module '{module}' of function '{function}' cannot be imported: {failure}", stacklevel=2)
    except Exception as failure:
        warnings.warn(f"module '{module}' of function '{function}' cannot be imported: {failure!r}", stacklevel=2)
    return True
