# SPDX-License-Identifier: Apache-2.0
"""What the engine calls for Python functions: async calls, tracebacks, fingerprints, imports."""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_MOST_IN_FLIGHT = 128
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


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    future = asyncio.run_coroutine_threadsafe(coroutine, _event_loop())
    try:
        return future.result()
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
    """Hash of a function's code, defaults and closure."""
    import hashlib

    closure = [repr(cell.cell_contents) for cell in fn.__closure__ or ()]
    parts = [_code_parts(fn.__code__), repr(fn.__defaults__), repr(fn.__kwdefaults__), closure]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


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
