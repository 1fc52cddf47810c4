# SPDX-License-Identifier: Apache-2.0
"""Async variants of what waits for the engine: made from the functions themselves."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from intarsia import _native

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

P = ParamSpec('P')
R = TypeVar('R')

_MOST_THREADS = 32  # calls at once; more wait for their turn
_threads: ThreadPoolExecutor | None = None


def _executor() -> ThreadPoolExecutor:
    global _threads
    if _threads is None:
        from concurrent.futures import ThreadPoolExecutor

        _threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix='intarsia-async')
    return _threads


def _after_fork() -> None:
    global _threads
    _threads = None


os.register_at_fork(after_in_child=_after_fork)


async def run(fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """`fn` on a thread. When the task is cancelled, the operation ends at its next batch, and then the task."""
    import asyncio

    cancellation = _native.Cancellation()
    work = functools.partial(copy_context().run, cancellation.run, fn, *args, **kwargs)
    future: asyncio.Future[R] = asyncio.wrap_future(_executor().submit(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancellation.cancel()
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # has been told
        raise


def async_variant(fn: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """`fn` as a coroutine function: off the event loop, which is never blocked."""

    @functools.wraps(fn)
    async def variant(*args: P.args, **kwargs: P.kwargs) -> R:
        return await run(fn, *args, **kwargs)

    variant.__name__ = f'a{fn.__name__}'
    variant.__qualname__ = f'{fn.__qualname__[: -len(fn.__name__)]}a{fn.__name__}'
    variant.__doc__ = f'{fn.__name__}(), awaited: the event loop goes on meanwhile.\n\n{fn.__doc__ or ""}'.rstrip()
    return variant
