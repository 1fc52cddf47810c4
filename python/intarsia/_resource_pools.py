# SPDX-License-Identifier: Apache-2.0
"""Resource pools: calls of async functions wait here for their turn, are paused together when the service refuses one,
and are repeated. The pace is that of all processes of the instance: the engine keeps it in the database. Everything
here runs on the event loop of async functions."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from intarsia import _native
from intarsia._answers import Answer, Kind, answer_of
from intarsia.exceptions import ErrorCode, ExternalServiceError

MOST_IN_FLIGHT = 128
_LEAD = 0.25  # seconds before a process needs it that it takes more of the pace
_CHUNK_SECONDS = 0.5  # of the pace that a process takes at once
_MOST_AT_ONCE = 64
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 60.0
_TRANSIENT_ATTEMPTS = 6

T = TypeVar('T')


class _Permits(NamedTuple):
    delays: list[float]
    paused_seconds: float
    has_rate: bool
    has_slots: bool


class _Waiting:
    """A call that waits for its turn."""

    def __init__(self, tokens: float, retry_seconds: float, refused_since: float | None, attempts: int) -> None:
        loop = asyncio.get_running_loop()
        self.turn: asyncio.Future[None] = loop.create_future()
        self.tokens = tokens
        self.retry_seconds = retry_seconds
        self.since = loop.time()
        self.refused_since = refused_since
        self.attempts = attempts

    def deadline(self, pool_refused_since: float) -> float:
        """When it has waited long enough for a service that refuses."""
        since = self.refused_since if self.refused_since is not None else max(self.since, pool_refused_since)
        return since + self.retry_seconds


def backoff(attempt: int) -> float:
    """Seconds before attempt `attempt` + 1, at random, so that what failed together does not come back together."""
    return random.uniform(0.0, min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**attempt))


class LocalPool:
    """Of a function without a resource pool: knows no limits, and no other process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last_answer = ''
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._in_flight = 0
        self._window = float(MOST_IN_FLIGHT)  # calls in flight that the service has shown to take
        self._has_rate = False
        self._paused_until = 0.0
        self._refused_since: float | None = None  # no call that was sent later succeeded
        self._refused_sent = 0.0
        self._refusals = 0
        self._pacer: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def turn(
        self, tokens: float, retry_seconds: float, refused_since: float | None = None, attempts: int = 0
    ) -> None:
        """Returns when the call may be sent; `ended` must follow."""
        waiting = _Waiting(tokens, retry_seconds, refused_since, attempts)
        if refused_since is None:
            self._waiting.append(waiting)
        else:
            self._waiting.appendleft(waiting)
        self._changed.set()
        if self._pacer is None or self._pacer.done():
            self._pacer = asyncio.get_running_loop().create_task(self._pace())
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.exception() is None:
                self.ended()
            raise

    def ended(self) -> None:
        self._in_flight -= 1
        self._changed.set()

    def succeeded(self, sent: float) -> None:
        if not self._has_rate:
            self._window = min(MOST_IN_FLIGHT, self._window + 1 / self._window)
        if sent > self._refused_sent:
            self._refusals, self._refused_since = 0, None

    def refused(self, sent: float, answer: Answer, delay: float) -> None:
        """The whole pool is paused. One call alone that is refused while the pool keeps to its limits is no sign that
        the others would be: then the next one is."""
        now = asyncio.get_running_loop().time()
        self._refusals += 1
        self._refused_sent = max(self._refused_sent, sent)
        self._refused_since = self._refused_since if self._refused_since is not None else now
        self.last_answer = answer.text
        if self._has_rate and self._refusals < 2:
            return
        if not self._has_rate and now >= self._paused_until:
            self._window = max(1.0, min(self._window, self._in_flight + 1) / 2)
        _native.log(
            'warning',
            'rate_limit.pause',
            f"the service refuses calls: '{self.name}' is paused",
            {'pool': self.name, 'seconds': delay},
        )
        self._pause(delay)

    def waits_for(self) -> str | None:
        """What a user is told when nothing goes on."""
        if not self._waiting:
            return None
        paused = self._paused_until - _loop_time()
        if paused > 0:
            return f"'{self.name}' is paused for {paused:.0f} s ({self.last_answer[:60]})"
        return f"'{self.name}' at its rate, {len(self._waiting)} calls wait"

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    async def _take(self, tokens: list[float]) -> _Permits:
        return _Permits([0.0] * len(tokens), 0.0, False, False)

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        at_once = 1
        while self._next() is not None:
            self._changed.clear()
            if self._paused_until > loop.time():
                await self._sit_out_pause()
                continue
            room = min(at_once, int(self._window) - self._in_flight)
            if room <= 0:
                await self._changed.wait()
                continue
            some = [waiting for waiting, _ in zip(self._waiting, range(room), strict=False)]
            permits = await self._take_or_fail([waiting.tokens for waiting in some])
            if permits is None:
                continue
            self._has_rate = permits.has_rate
            if not permits.delays:
                await self._wait_for_change(permits.paused_seconds)
                continue
            self._give(permits.delays)
            span = permits.delays[-1] - permits.delays[0]
            if span < _CHUNK_SECONDS / 2 and len(permits.delays) == at_once:
                at_once = min(2 * at_once, _MOST_AT_ONCE)
            elif span > _CHUNK_SECONDS and at_once > 1:
                at_once //= 2
            if permits.delays[-1] > _LEAD:
                await asyncio.sleep(permits.delays[-1] - _LEAD)

    async def _take_or_fail(self, tokens: list[float]) -> _Permits | None:
        try:
            return await self._take(tokens)
        except Exception as failure:  # the database is gone: whoever waits is told
            while self._waiting:
                waiting = self._waiting.popleft()
                if not waiting.turn.done():
                    waiting.turn.set_exception(failure)
            return None

    def _next(self) -> _Waiting | None:
        while self._waiting and self._waiting[0].turn.done():
            self._waiting.popleft()
        return self._waiting[0] if self._waiting else None

    def _give(self, delays: list[float]) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for delay in delays:
            self._in_flight += 1
            waiting = self._waiting.popleft() if self._waiting else None
            if waiting is None or waiting.turn.done():
                self.ended()
            elif delay <= 0:
                waiting.turn.set_result(None)
            else:
                loop.call_at(now + delay, self._send, waiting)

    def _send(self, waiting: _Waiting) -> None:
        if waiting.turn.done():
            self.ended()
        elif self._paused_until > asyncio.get_running_loop().time():
            self.ended()
            self._waiting.appendleft(waiting)
            if self._pacer is None or self._pacer.done():
                self._pacer = asyncio.get_running_loop().create_task(self._pace())
        else:
            waiting.turn.set_result(None)

    async def _sit_out_pause(self) -> None:
        loop = asyncio.get_running_loop()
        since = self._refused_since if self._refused_since is not None else loop.time()
        self._refused_since = since
        now = loop.time()
        for waiting in self._waiting:
            if not waiting.turn.done() and waiting.deadline(since) <= now:
                waiting.turn.set_exception(
                    given_up(
                        self, waiting.retry_seconds, waiting.attempts, now - (waiting.refused_since or waiting.since)
                    )
                )
        alive = [waiting.deadline(since) for waiting in self._waiting if not waiting.turn.done()]
        until = min([self._paused_until, *alive])
        if alive:
            await self._wait_for_change(max(0.0, until - now))

    async def _wait_for_change(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(min(seconds, 5.0))
            return
        with contextlib.suppress(asyncio.TimeoutError):  # a call of ours or of another process has to end
            await asyncio.wait_for(self._changed.wait(), random.uniform(0.02, 0.1))


class SharedPool(LocalPool):
    """A pool whose pace and pauses all processes of the instance share."""

    _threads = ThreadPoolExecutor(4, thread_name_prefix='intarsia-pools')

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._has_slots = False
        self._ended_slots = 0

    async def _take(self, tokens: list[float]) -> _Permits:
        from intarsia._instance import rate_limits

        taken = await self._in_thread(lambda: rate_limits().take(self.name, tokens))
        permits = _Permits(*taken)
        self._has_slots = permits.has_slots
        if permits.paused_seconds > 0:
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + permits.paused_seconds)
            self.last_answer = self.last_answer or 'another process was refused'
        return permits

    def ended(self) -> None:
        super().ended()
        if not self._has_slots:
            return
        self._ended_slots += 1
        if self._ended_slots == 1:
            asyncio.get_running_loop().create_task(self._give_back())

    async def _give_back(self) -> None:
        from intarsia._instance import rate_limits

        calls, self._ended_slots = self._ended_slots, 0
        await self._in_thread(lambda: rate_limits().give_back(self.name, calls))
        self._changed.set()

    def _pause(self, seconds: float) -> None:
        from intarsia._instance import rate_limits

        super()._pause(seconds)
        asyncio.get_running_loop().create_task(self._in_thread(lambda: rate_limits().pause(self.name, seconds)))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def given_up(pool: LocalPool, retry_seconds: float, attempts: int, waited: float) -> ExternalServiceError:
    tried = f'refused {attempts} times' if attempts else 'not sent, since the pool was paused,'
    return ExternalServiceError(
        ErrorCode.RATE_LIMITED,
        f"'{pool.name}': {tried} in {waited:.1f} s, and a call is repeated for {retry_seconds:g} s (retry_seconds, a "
        f'setting and an argument of @udf); the last answer: {pool.last_answer or "none"}',
    )


_pools: dict[str, LocalPool] = {}


def pool_of(name: str | None, function: str) -> LocalPool:
    """On the event loop. The peer's prefixes say how a pool learns of its limits, which here is the same for all."""
    key = f'function {function}' if name is None else pool_name(name)
    pool = _pools.get(key)
    if pool is None:
        pool = _pools[key] = LocalPool(function) if name is None else SharedPool(key)
    return pool


def pool_name(name: str) -> str:
    return name.removeprefix('request-rate:').removeprefix('rate-limits:')


def forget() -> None:
    """In a forked child: the event loop is the parent's."""
    _pools.clear()
    SharedPool._threads = ThreadPoolExecutor(4, thread_name_prefix='intarsia-pools')


async def repeat(
    pool: LocalPool, tokens: float, retry_seconds: float, call: Callable[[], Awaitable[Any]], function: str
) -> Any:
    """Calls until it works, or the failure is for good: what the service refuses is repeated until the deadline, what
    broke on the way a few times. `function`: whose repeated calls are counted."""
    loop = asyncio.get_running_loop()
    refused_since: float | None = None
    refusals = breaks = 0
    while True:
        await pool.turn(tokens, retry_seconds, refused_since, refusals)
        if refusals or breaks:
            _native.count_retry(function)
        sent = loop.time()
        try:
            result = await call()
        except Exception as failure:
            answer = answer_of(failure)
            breaks += answer.kind is Kind.TRANSIENT
            if answer.kind is Kind.PERMANENT or breaks == _TRANSIENT_ATTEMPTS:
                raise
            delay = backoff(refusals + breaks)
            if answer.retry_after is not None:
                delay = answer.retry_after + random.uniform(0.0, 0.1)
            _native.log(
                'info',
                'call.retry',
                f"a call of '{function}' will be made again",
                {
                    'function': function,
                    'pool': pool.name,
                    'answer': answer.kind.name.lower(),
                    'delay': delay,
                    'attempt': refusals + breaks,
                },
            )
            if answer.kind is Kind.REFUSED:
                refusals += 1
                refused_since = loop.time() if refused_since is None else refused_since
                pool.refused(sent, answer, delay)
                left = refused_since + retry_seconds - loop.time()
                if left <= 0:
                    raise given_up(pool, retry_seconds, refusals, loop.time() - refused_since) from failure
                delay = min(delay, left)
        else:
            pool.succeeded(sent)
            return result
        finally:
            pool.ended()
        await asyncio.sleep(delay)


def _loop_time() -> float:
    import time

    return time.monotonic()  # what event loops use
