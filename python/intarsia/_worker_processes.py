# SPDX-License-Identifier: Apache-2.0
"""Worker processes for `@udf(processes=n)`: fresh interpreters, not forks, so that no lock and no session of this
process is in them. They live as long as this process, are shared by all functions, and are replaced when they die."""

from __future__ import annotations

import atexit
import collections
import itertools
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from intarsia import _native, _worker
from intarsia.exceptions import invalid_argument

_SECONDS_AT_ONCE = 0.005  # of short calls that one message carries
_MOST_AT_ONCE = 256
_MOST_BYTES_AT_ONCE = 1 << 18
_SECONDS_BETWEEN_CHECKS = 0.1  # whether the work should end
_MAIN = 'import os, sys; sys.path[:] = sys.argv[3].split(os.pathsep); from intarsia._worker import main; main()'
_keys = itertools.count()

Done = tuple[int, bool, Any]


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of a call, twice."""


class _RemoteTraceback(Exception):
    """Where in the worker an exception came from, as the cause of it."""

    def __str__(self) -> str:
        return f'\n{self.args[0]}'


class _Worker:
    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        life, self._life = os.pipe()
        arguments = [str(theirs.fileno()), str(life), os.pathsep.join(sys.path)]
        self.process = subprocess.Popen([sys.executable, '-c', _MAIN, *arguments], pass_fds=(theirs.fileno(), life))
        theirs.close()
        os.close(life)

    def ended_how(self) -> str:
        """Of a worker that is gone."""
        self.close()
        status = self.process.wait()
        if status >= 0:
            return f'exit status {status}'
        name = signal.Signals(-status).name
        return f'{name}, as when memory runs out' if name == 'SIGKILL' else name

    def close(self) -> None:
        self.channel.close()
        if self._life >= 0:
            os.close(self._life)
            self._life = -1

    def kill(self) -> None:
        self.process.kill()
        self.close()
        self.process.wait()


_lock = threading.Lock()
_idle: list[_Worker] = []


def _take_worker() -> _Worker:
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.process.poll() is None:
                return worker
            worker.close()
    return _Worker()


def _give_worker(worker: _Worker) -> None:
    with _lock:
        _idle.append(worker)


def _end_idle() -> None:
    with _lock:
        for worker in _idle:
            worker.kill()
        _idle.clear()


def _forget_workers() -> None:
    """In a forked child: they are the parent's."""
    global _lock
    _lock = threading.Lock()
    for worker in _idle:
        worker.close()
    _idle.clear()


atexit.register(_end_idle)
os.register_at_fork(after_in_child=_forget_workers)


class WorkerFunction:
    """A function as workers find it."""

    def __init__(self, fn: Callable[..., Any], processes: int, keyword_only: list[str]) -> None:
        self.fn = fn
        self.name = fn.__name__
        self.processes = processes or len(os.sched_getaffinity(0))
        self.keyword_only = keyword_only
        self.key = next(_keys)
        self._reference: tuple[str, Any, Any] | None = None

    def reference(self) -> tuple[str, Any, Any]:
        if self._reference is None:
            importable = self.fn.__module__ != '__main__' and '<' not in self.fn.__qualname__
            if importable:
                self._reference = ('import', self.fn.__module__, self.fn.__qualname__)
            else:
                self._reference = ('pickle', self._pickled(), None)
        return self._reference

    def _pickled(self) -> bytes:
        import importlib

        try:
            cloudpickle = importlib.import_module('cloudpickle')
        except ImportError as missing:
            raise invalid_argument(
                f"UDF '{self.name}' with processes={self.processes}: worker processes cannot import it from "
                f"'{self.fn.__module__}' ({self.fn.__qualname__}); define it at the top of a module that can be "
                'imported, or: pip install cloudpickle'
            ) from missing
        pickled: bytes = cloudpickle.dumps(self.fn)
        return pickled

    def flight(self) -> ProcessFlight:
        return ProcessFlight(self)


class _Call:
    def __init__(self, index: int, args: tuple[Any, ...]) -> None:
        self.index = index
        self.args = args
        self.deaths = 0


class ProcessFlight:
    """Calls of one function for rows of one batch, in worker processes. Belongs to the thread that calls the engine."""

    def __init__(self, function: WorkerFunction) -> None:
        self._function = function
        self._reference = function.reference()
        self._at_once = 1  # calls in a message
        self._queue: collections.deque[_Call] = collections.deque()
        self._done: list[Done] = []
        self._busy: dict[_Worker, list[_Call]] = {}
        self._selector = selectors.DefaultSelector()

    @property
    def most(self) -> int:
        return 2 * self._function.processes * self._at_once

    def start(self, index: int, args: tuple[Any, ...]) -> None:
        self._queue.append(_Call(index, args))
        if len(self._queue) >= self._at_once:
            self._send_what_goes()

    def finished(self, patience: float | None) -> list[Done]:
        """Waits for one call that ends, at most `patience` seconds, and gives all that did."""
        end = None if patience is None else time.monotonic() + patience
        while not self._done and (end is None or time.monotonic() < end):
            self._send_what_goes()
            for key, _ in [] if self._done else self._selector.select(_SECONDS_BETWEEN_CHECKS):
                self._receive(key.data)
            _native.check_interrupted()
        self._send_what_goes()
        done, self._done = self._done, []
        return done

    def cancel(self) -> None:
        for worker in self._busy:
            self._selector.unregister(worker.channel)
            worker.kill()
        self._busy.clear()
        self._queue.clear()

    def _send_what_goes(self) -> None:
        while self._queue and len(self._busy) < self._function.processes:
            calls = [self._queue.popleft()]
            while self._queue and len(calls) < self._at_once and not calls[0].deaths and not self._queue[0].deaths:
                calls.append(self._queue.popleft())
            self._send(calls)

    def _send(self, calls: list[_Call]) -> None:
        message = (self._function.key, self._reference, self._function.keyword_only, [call.args for call in calls])
        try:
            parts = _worker.packed(message)
        except Exception as failure:
            self._done += [(call.index, False, failure) for call in calls]
            return
        if sum(len(part) for part in parts) > _MOST_BYTES_AT_ONCE:
            self._at_once = 1
        worker = _take_worker()
        self._busy[worker] = calls
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        try:
            _worker.send(worker.channel, parts)
        except OSError:
            self._died(worker)

    def _receive(self, worker: _Worker) -> None:
        try:
            results, seconds = _worker.receive(worker.channel)
        except (EOFError, OSError):
            self._died(worker)
            return
        except Exception as failure:  # a result that cannot be read here
            results, seconds = [(False, failure, '')] * len(self._busy[worker]), 1.0
        self._selector.unregister(worker.channel)
        calls = self._busy.pop(worker)
        _give_worker(worker)
        if seconds < _SECONDS_AT_ONCE / 2 and len(calls) == self._at_once:
            self._at_once = min(2 * self._at_once, _MOST_AT_ONCE)
        elif seconds > 2 * _SECONDS_AT_ONCE and self._at_once > 1:
            self._at_once //= 2
        for call, (ok, value, traceback) in zip(calls, results, strict=True):
            if not ok and traceback:
                value.__cause__ = _RemoteTraceback(traceback)
            self._done.append((call.index, ok, value))

    def _died(self, worker: _Worker) -> None:
        """Its calls are made once more, each alone: one of them may be the reason, or none."""
        self._selector.unregister(worker.channel)
        calls = self._busy.pop(worker)
        how = worker.ended_how()
        for call in calls:
            call.deaths += 1
            if call.deaths == 1:
                self._queue.append(call)
            else:
                name = self._function.name
                text = f"a worker process of '{name}' died twice in this call, last by {how}"
                self._done.append((call.index, False, WorkerDied(text)))
