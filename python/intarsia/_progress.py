# SPDX-License-Identifier: Apache-2.0
"""Progress lines of long work, on stderr: one for each operation that is on its way, also from several threads. A
terminal and a notebook see them move, a pipe gets a line now and then and the last one."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intarsia._progress_display import Display

_QUIET_SECONDS = 1.0  # work that is done by then shows nothing
_BAR_WIDTH = 24
_MEMORY = 10.0  # seconds of the past that tell how fast it goes on

_lock = threading.RLock()  # a signal handler may print, or work, while a line is being written
_running: dict[tuple[int, str], Pace] = {}  # by thread and operation
_shown: dict[int, tuple[tuple[int, str], str]] = {}  # by thread: the line that stands, while it may go on
_display: Display | None = None


class Pace:
    """How fast one operation has been lately."""

    def __init__(self) -> None:
        self._rows = 0
        self._seconds = 0.0
        self._rate = 0.0

    def learn(self, rows: int, seconds: float) -> None:
        span = seconds - self._seconds
        if span <= 0:
            return
        share = 1.0 if self._seconds == 0 else min(1.0, span / _MEMORY)
        self._rate += share * ((rows - self._rows) / span - self._rate)
        self._rows, self._seconds = rows, seconds

    def seconds_left(self, total: int) -> float | None:
        return (total - self._rows) / self._rate if self._rate > 0 and total >= self._rows else None


def duration_text(seconds: float) -> str:
    """'8 s', '3:07', '2:03:07'."""
    whole = round(seconds)
    if whole < 60:
        return f'{whole} s'
    minutes = f'{whole // 60 % 60}:{whole % 60:02}'
    return minutes if whole < 3600 else f'{whole // 3600}:{minutes:0>5}'


def _rate(n: int, seconds: float) -> str:
    rate = n / seconds if seconds > 0 else 0.0
    return f'{rate:,.0f}' if rate >= 10 else f'{rate:.1f}'


def _line(operation: str, rows: int, total: int, cells: int, seconds: float, left: float | None) -> str:
    parts = [operation]
    if total > 0:
        share = min(rows / total, 1.0)
        filled = int(share * _BAR_WIDTH)
        parts.append(f'[{"#" * filled}{"." * (_BAR_WIDTH - filled)}] {share:4.0%}')
    if left is not None:
        parts.append(f'ETA {duration_text(left)}')
    parts.append(f'{rows:,} rows, {_rate(rows, seconds)} rows/s')
    if cells:
        parts.append(f'{cells:,} cells, {_rate(cells, seconds)} cells/s')
    parts.append(f'{seconds:.1f} s')
    return '  '.join(parts)


def show(operation: str, rows: int, total: int, cells: int, seconds: float, finished: bool) -> None:
    """What the engine reports, on the thread that works."""
    key = (threading.get_ident(), operation)
    with _lock:
        pace = _running.setdefault(key, Pace())
        pace.learn(rows, seconds)
        if finished:
            del _running[key]
            _shown.pop(key[0], None)
        if seconds < _QUIET_SECONDS:
            return
        left = None if finished or total <= 0 else pace.seconds_left(total)
        line = _line(operation, rows, total, cells, seconds, left)
        if not finished:
            _shown[key[0]] = (key, line)
        _put(key, line, finished)


def waiting(what: str) -> None:
    """Nothing went on for a second, since calls of this thread's operation wait for a service: its line says so."""
    with _lock:
        if what and threading.get_ident() in _shown:
            key, line = _shown[threading.get_ident()]
            _put(key, f'{line}  waits: {what}', False)


def _put(key: tuple[int, str], line: str, finished: bool) -> None:
    """An output that cannot be written to stops nothing."""
    global _display
    if sys.stderr is None:
        return
    try:
        if _display is None or not _display.fits():
            from intarsia._progress_display import new_display

            _display = new_display(_lock)
        _display.show(key, line, finished)
    except (OSError, ValueError):
        _display = None
