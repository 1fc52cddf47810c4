# SPDX-License-Identifier: Apache-2.0
"""Where progress lines stand: on a terminal, in a notebook's cell, or one after the other in a pipe."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import Any, Protocol, TextIO

_PIPE_SECONDS = 10.0  # between two lines about one operation in a pipe

Key = tuple[int, str]


class Display(Protocol):
    def fits(self) -> bool:
        """Whether stderr is still what this was made for."""

    def show(self, key: Key, line: str, finished: bool) -> None: ...


def new_display(lock: threading.RLock) -> Display:
    if _kernel() is not None:
        return Notebook()
    return Terminal(lock) if sys.stderr.isatty() else Pipe()


def _kernel() -> Any:
    """The kernel of a notebook that this process is, or None; it imports nothing."""
    ipython = sys.modules.get('IPython')
    shell = ipython.get_ipython() if ipython is not None and 'ipykernel' in sys.modules else None
    return getattr(shell, 'kernel', None)


class Pipe:
    def __init__(self) -> None:
        self._stream = sys.stderr
        self._next: dict[Key, float] = {}

    def fits(self) -> bool:
        return sys.stderr is self._stream and _kernel() is None

    def show(self, key: Key, line: str, finished: bool) -> None:
        now = time.monotonic()
        if not finished and now < self._next.setdefault(key, now + _PIPE_SECONDS):
            return
        self._next[key] = now + _PIPE_SECONDS
        if finished:
            del self._next[key]
        self._stream.write(line + '\n')
        self._stream.flush()


class Notebook:
    """An output of the cell for each operation, which is replaced and not written again and again."""

    def __init__(self) -> None:
        self._outputs: dict[Key, Any] = {}

    def fits(self) -> bool:
        return _kernel() is not None

    def show(self, key: Key, line: str, finished: bool) -> None:
        from IPython.display import display  # it is there: a kernel runs

        output = self._outputs.get(key)
        data = {'text/plain': line}
        if output is None:
            self._outputs[key] = display(data, raw=True, display_id=True)
        else:
            output.update(data, raw=True)
        if finished:
            del self._outputs[key]


class Terminal:
    """Lines at the end of what is on the terminal. What the program prints meanwhile goes above them, line by line."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._terminal = sys.stderr
        self._lines: dict[Key, str] = {}
        self._drawn = 0  # lines that stand below what was printed
        self._stdout: Above | None = None
        self._stderr: Above | None = None

    def fits(self) -> bool:
        return sys.stderr in (self._terminal, self._stderr) and _kernel() is None

    def show(self, key: Key, line: str, finished: bool) -> None:
        self._lines[key] = line
        if finished:
            self.print_above(self._terminal, self._lines.pop(key) + '\n')
            if not self._lines:
                self._give_back()
            return
        if self._stderr is None:
            self._take()
        self._terminal.write(self._erasure() + self._drawing())
        self._terminal.flush()

    def print_above(self, stream: TextIO, text: str) -> None:
        self._terminal.write(self._erasure())
        self._terminal.flush()
        stream.write(text)
        stream.flush()
        self._terminal.write(self._drawing())
        self._terminal.flush()

    def _erasure(self) -> str:
        lines, self._drawn = self._drawn, 0
        return '' if lines == 0 else '\r\x1b[K' + '\x1b[A\x1b[K' * (lines - 1)

    def _drawing(self) -> str:
        """The lines, without an end of the last: so the terminal does not scroll for nothing."""
        size = shutil.get_terminal_size()
        shown = [line[: size.columns - 1] for line in self._lines.values()][: max(1, size.lines - 2)]
        self._drawn = len(shown)
        return '\n'.join(shown)

    def _take(self) -> None:
        self._stderr = sys.stderr = Above(self, self._terminal, self._lock)
        if sys.stdout is not None and sys.stdout.isatty():
            self._stdout = sys.stdout = Above(self, sys.stdout, self._lock)

    def _give_back(self) -> None:
        """Unless the program has put something else there meanwhile."""
        if self._stderr is not None:
            self._stderr.end()
            if sys.stderr is self._stderr:
                sys.stderr = self._stderr.stream
        if self._stdout is not None:
            self._stdout.end()
            if sys.stdout is self._stdout:
                sys.stdout = self._stdout.stream
        self._stderr = self._stdout = None


class Above:
    """A stream whose lines go above the progress lines; what a thread has not ended with a line end waits for it."""

    def __init__(self, terminal: Terminal, stream: Any, lock: threading.RLock) -> None:
        self.stream = stream
        self._terminal = terminal
        self._lock = lock
        self._begun: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with self._lock:
            if self._terminal._drawn == 0:  # nothing is in the way, or somebody kept this stream for too long
                self.stream.write(text)
                return len(text)
            thread = threading.get_ident()
            whole, end, self._begun[thread] = (self._begun.get(thread, '') + text).rpartition('\n')
            if end:
                self._terminal.print_above(self.stream, whole + end)
        return len(text)

    def writelines(self, lines: Any) -> None:
        self.write(''.join(lines))

    def flush(self) -> None:
        self.stream.flush()

    def end(self) -> None:
        begun, self._begun = self._begun, {}
        self.stream.write(''.join(begun.values()))
        self.stream.flush()
