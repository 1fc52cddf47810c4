# SPDX-License-Identifier: Apache-2.0
"""What the engine calls for Python functions: async calls, tracebacks, fingerprints, imports."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from types import CodeType
from typing import TYPE_CHECKING, Any

from intarsia import _native

if TYPE_CHECKING:
    import asyncio

_MOST_IN_FLIGHT = 128
_SECONDS_BETWEEN_CHECKS = 0.1  # whether the work should end
_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()


def _event_loop() -> asyncio.AbstractEventLoop:
    """One loop in a thread of its own: clients keep their connections, and a notebook's own loop is left alone."""
    import asyncio

    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name='intarsia-udfs', daemon=True).start()
        return _loop


def _after_fork() -> None:
    global _loop, _loop_lock
    _loop, _loop_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio
    import concurrent.futures

    loop = _event_loop()
    if asyncio._get_running_loop() is loop:
        coroutine.close()
        raise RuntimeError(
            'an async UDF called the engine on the event loop that runs it, for work that needs this loop; '
            'await the async variant instead: acollect(), ainsert()'
        )
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        while True:
            with contextlib.suppress(concurrent.futures.TimeoutError):
                return future.result(_SECONDS_BETWEEN_CHECKS)
            if future.done():  # a TimeoutError of the function
                return future.result()
            _native.check_interrupted()
    except BaseException:
        future.cancel()
        raise


def many_in_flight(
    fn: Callable[..., Awaitable[Any]], keyword_only: list[str]
) -> Callable[[list[tuple[Any, ...]]], list[tuple[bool, Any]]]:
    """Calls an async function for many rows at once: (True, result) or (False, exception) for each."""

    async def run_all(calls: list[tuple[Any, ...]]) -> list[tuple[bool, Any]]:
        import asyncio

        room = asyncio.Semaphore(_MOST_IN_FLIGHT)

        async def run_one(args: tuple[Any, ...]) -> tuple[bool, Any]:
            positional = args[: len(args) - len(keyword_only)]
            named = dict(zip(keyword_only, args[len(positional) :], strict=True))
            async with room:
                try:
                    return True, await fn(*positional, **named)
                except Exception as failure:
                    return False, failure

        return await asyncio.gather(*(run_one(args) for args in calls))

    return lambda calls: _run(run_all(calls))


def wait_for(fn: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """An async batched function as one that returns when it is done."""
    return lambda *args, **kwargs: _run(fn(*args, **kwargs))


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
