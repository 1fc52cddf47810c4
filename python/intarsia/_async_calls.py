# SPDX-License-Identifier: Apache-2.0
"""Calls of async functions: one event loop in a thread of its own, and flights of many calls on it."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from intarsia import _native

if TYPE_CHECKING:
    import asyncio
    import concurrent.futures

    from intarsia._resource_pools import LocalPool

_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()
_SECONDS_BETWEEN_CHECKS = 0.1  # whether the work should end
_CHECKS_BETWEEN_WORDS = 10  # about what calls wait for

Done = tuple[int, bool, Any]


def _event_loop() -> asyncio.AbstractEventLoop:
    """Clients keep their connections on it, and a notebook's own loop is left alone."""
    import asyncio

    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name='intarsia-udfs', daemon=True).start()
        return _loop


def _usable_loop() -> asyncio.AbstractEventLoop:
    import asyncio

    loop = _event_loop()
    if asyncio._get_running_loop() is loop:
        raise RuntimeError(
            'an async UDF called the engine on the event loop that runs it, for work that needs this loop; '
            'await the async variant instead: acollect(), ainsert()'
        )
    return loop


def _forget_loop() -> None:
    global _loop, _loop_lock
    _loop_lock = threading.Lock()
    if _loop is not None:
        from intarsia import _resource_pools

        _loop = None
        _resource_pools.forget()


os.register_at_fork(after_in_child=_forget_loop)


class CallPolicy:
    """How calls of an async function are paced and repeated: the arguments of @udf."""

    def __init__(
        self,
        function: str,
        registry_name: str,
        parameters: list[str],
        resource_pool: str | Callable[..., str | None] | None = None,
        tokens: float | Callable[..., Any] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        self.function = function
        self.registry_name = registry_name
        self.parameters = parameters
        self.resource_pool = resource_pool
        self.tokens = tokens
        self.retry_seconds = retry_seconds

    def pool(self, args: tuple[Any, ...]) -> LocalPool:
        from intarsia._resource_pools import pool_of

        pool = self.resource_pool
        return pool_of(pool if pool is None or isinstance(pool, str) else self._ask(pool, args), self.function)

    def estimate(self, args: tuple[Any, ...]) -> float:
        """Tokens that a call is expected to take."""
        if self.tokens is None or isinstance(self.tokens, int | float):
            return float(self.tokens or 0)
        estimate = self._ask(self.tokens, args)
        if isinstance(estimate, dict):  # an estimator as the peer has them: {'requests': 1, 'tokens': 300}
            estimate = sum(amount for resource, amount in estimate.items() if resource != 'requests')
        return max(0.0, float(estimate))

    def _ask(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """`fn` takes some of the function's parameters, by name."""
        named = dict(zip(self.parameters, args, strict=True))
        code = fn.__code__
        wanted = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        return fn(**{name: named[name] for name in wanted if name in named})


class AsyncFlight:
    """Calls of one async function for rows of one batch. The engine's thread starts some and takes what ended."""

    def __init__(
        self, fn: Callable[..., Coroutine[Any, Any, Any]], policy: CallPolicy, keyword_only: list[str]
    ) -> None:
        from intarsia._instance import database
        from intarsia._resource_pools import MOST_IN_FLIGHT

        self.most = MOST_IN_FLIGHT
        self._fn, self._policy, self._keyword_only = fn, policy, keyword_only
        self._retry_seconds = database().retry_seconds if policy.retry_seconds is None else policy.retry_seconds
        self._loop = _usable_loop()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._running: dict[int, concurrent.futures.Future[None]] = {}
        self._pools: set[LocalPool] = set()

    def start(self, index: int, args: tuple[Any, ...]) -> None:
        import asyncio

        self._running[index] = asyncio.run_coroutine_threadsafe(self._run(index, args), self._loop)

    def finished(self, patience: float | None) -> list[Done]:
        """Waits for one call that ends, at most `patience` seconds, and gives all that did."""
        done = self._first_done(patience)
        while not self._done.empty():
            done.append(self._done.get())
        for index, _, _ in done:
            del self._running[index]
        return done

    def cancel(self) -> None:
        for future in list(self._running.values()):
            future.cancel()

    def _first_done(self, patience: float | None) -> list[Done]:
        end = None if patience is None else time.monotonic() + patience
        for checks in itertools.count(1):
            with contextlib.suppress(queue.Empty):
                return [self._done.get(timeout=_SECONDS_BETWEEN_CHECKS)]
            _native.check_interrupted()
            if checks % _CHECKS_BETWEEN_WORDS == 0:
                self._say_what_waits()
            if end is not None and time.monotonic() >= end:
                break
        return []

    def _say_what_waits(self) -> None:
        from intarsia import _progress

        waits = [pool.waits_for() for pool in list(self._pools)]
        _progress.waiting('; '.join(text for text in waits if text is not None))

    async def _run(self, index: int, args: tuple[Any, ...]) -> None:
        import asyncio

        try:
            self._done.put((index, True, await self._call(args)))
        except asyncio.CancelledError:
            if self._running.get(index) is None or self._running[index].cancelled():
                raise
            self._done.put((index, False, RuntimeError('the call was cancelled by its own code')))
        except BaseException as failure:
            self._done.put((index, False, failure))

    async def _call(self, args: tuple[Any, ...]) -> Any:
        from intarsia._resource_pools import repeat

        pool = self._policy.pool(args)
        self._pools.add(pool)
        positional = args[: len(args) - len(self._keyword_only)]
        named = dict(zip(self._keyword_only, args[len(positional) :], strict=True))
        return await repeat(
            pool,
            self._policy.estimate(args),
            self._retry_seconds,
            lambda: self._fn(*positional, **named),
            self._policy.registry_name,
        )
