# SPDX-License-Identifier: Apache-2.0
"""Progress lines where they end up: on a real pseudo-terminal, in a pipe, in a notebook."""

import os
import pty
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from intarsia import _progress, _progress_display

# Two threads work on columns of a UDF that prints.
_PROGRAM = """
import sys, threading, time
import intarsia as pxt
import udfs_of_tests as udfs
pxt.clear_results(udfs.says)
DIRECTORY = sys.argv[1]
tables = [pxt.create_table(f'{DIRECTORY}.t{n}', {'id': pxt.Int}) for n in range(2)]
for n, t in enumerate(tables):
    t.insert([{'id': 1000 * n + i} for i in range(100)])
work = [threading.Thread(target=lambda t=t: t.add_computed_column(said=udfs.says(t.id))) for t in tables]
for thread in work: thread.start()
for thread in work: thread.join()
print('done')
"""


def screen(written: str) -> list[str]:
    """What a terminal shows after that; it knows the line ends and the two escapes that progress lines use."""
    lines, row, column = [''], 0, 0
    rest = written
    while rest:
        if rest.startswith('\x1b[K'):
            lines[row], rest = lines[row][:column], rest[3:]
        elif rest.startswith('\x1b[A'):
            row, rest = row - 1, rest[3:]
        elif rest[0] == '\r':
            column, rest = 0, rest[1:]
        elif rest[0] == '\n':
            row, rest = row + 1, rest[1:]
            if row == len(lines):
                lines.append('')
        else:
            lines[row] = lines[row][:column].ljust(column) + rest[0] + lines[row][column + 1 :]
            column, rest = column + 1, rest[1:]
    return lines


def on_a_terminal(arguments: list[str], **environment: str) -> str:
    """Runs Python with stdout and stderr on one pseudo-terminal; what was written there."""
    master, slave = pty.openpty()
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, 'PYTHONPATH': here, 'COLUMNS': '200', 'LINES': '30', **environment},
    )
    os.close(slave)
    written = b''
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the last one closed it
            break
        if not part:
            break
        written += part
    os.close(master)
    assert process.wait() == 0, written.decode()
    return written.decode()


def test_lines_of_two_threads_stay_below_what_the_program_prints(directory: str) -> None:
    written = on_a_terminal(['-c', _PROGRAM, directory], INTARSIA_VERBOSITY='1')
    shown = screen(written)
    said = [line for line in shown if line.startswith('row ')]
    assert sorted(said) == sorted([f'row {1000 * n + i}' for i in range(100) for n in range(2)])  # whole, each once
    assert shown[-2:] == ['done', '']
    for n in range(2):
        (last,) = [line for line in shown if line.startswith(f"add column 'said' to '{directory}/t{n}'")]
        assert '100%' in last
        assert 'ETA' not in last
    assert written.count('ETA') > 2


def test_nothing_is_shown_at_verbosity_0(directory: str) -> None:
    written = on_a_terminal(['-c', _PROGRAM, directory], INTARSIA_VERBOSITY='0')
    assert 'add column' not in written
    assert '\x1b' not in written


def test_a_pipe_gets_a_line_now_and_then_and_the_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(_progress_display.time, 'monotonic', lambda: clock[0])
    for second in range(1, 35):
        clock[0] += 1
        _progress.show("insert into 't'", second * 10, 1000, 0, float(second), False)
    _progress.show("insert into 't'", 340, 1000, 680, 34.0, True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("insert into 't'  [##......................]  11%  ETA 1:29  110 rows, 10 rows/s")
    assert '340 rows, 10 rows/s  680 cells, 20 cells/s  34.0 s' in lines[-1]
    assert '\r' not in ''.join(lines)


def test_what_is_done_within_a_second_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    _progress.show("insert into 't'", 10, 100, 0, 0.5, False)
    _progress.show("insert into 't'", 100, 100, 0, 0.9, True)
    assert capsys.readouterr().err == ''


def test_the_time_left_follows_the_latest_pace() -> None:
    pace = _progress.Pace()
    for second in range(1, 61):
        pace.learn(second * 100, float(second))
    assert pace.seconds_left(12000) == pytest.approx(60)
    for second in range(61, 121):  # ten times as slow
        pace.learn(6000 + (second - 60) * 10, float(second))
    left = pace.seconds_left(12000)
    assert left == pytest.approx(540, rel=0.1)
    assert [_progress.duration_text(s) for s in (8.4, 187, 7387)] == ['8 s', '3:07', '2:03:07']


class _Kernel:
    """A notebook: keeps what its outputs show and how often they were written."""

    def __init__(self) -> None:
        self.outputs: list[list[str]] = []

    def module(self) -> types.ModuleType:
        ipython = types.ModuleType('IPython')
        ipython.__path__ = []  # a package
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=self)  # type: ignore[attr-defined]
        return ipython

    def display(self, data: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        shown = [data['text/plain']]
        self.outputs.append(shown)
        return types.SimpleNamespace(update=lambda data, raw: shown.append(data['text/plain']))


def test_a_notebook_replaces_one_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    kernel = _Kernel()
    display = types.ModuleType('IPython.display')
    display.display = kernel.display  # type: ignore[attr-defined]
    for name, module in [
        ('IPython', kernel.module()),
        ('IPython.display', display),
        ('ipykernel', types.ModuleType('ipykernel')),
    ]:
        monkeypatch.setitem(sys.modules, name, module)
    for second in range(1, 5):
        _progress.show('fill', second * 10, 40, 0, float(second), second == 4)
    _progress.show('next', 5, 10, 0, 2.0, False)
    _progress.show('next', 10, 10, 0, 4.0, True)
    assert [len(shown) for shown in kernel.outputs] == [4, 2]
    assert kernel.outputs[0][-1].startswith('fill  [########################] 100%')
    assert capsys.readouterr().err == ''


def test_an_output_that_is_closed_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = open(os.devnull, 'w')  # noqa: SIM115
    closed.close()
    monkeypatch.setattr(sys, 'stderr', closed)
    _progress.show('fill', 10, 10, 0, 4.0, True)
    monkeypatch.setattr(sys, 'stderr', None)
    _progress.show('fill', 10, 10, 0, 4.0, True)
