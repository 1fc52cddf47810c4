# SPDX-License-Identifier: Apache-2.0
"""`@udf(processes=n)`: calls run in worker processes."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import intarsia as pxt
import process_udfs as udfs

Run = Callable[..., subprocess.CompletedProcess[str]]


def table(directory: str, n: int) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'x': pxt.Int})
    if n:
        t.insert([{'x': i} for i in range(n)])
    return t


def children_of(process: int) -> list[int]:
    listed = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(process)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


def is_there(process: int) -> bool:
    try:
        state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != 'Z'


def test_calls_run_in_so_many_other_processes(directory: str) -> None:
    t = table(directory, 40)
    ids = set(t.select(id=udfs.process_id(t.x)).collect()['id'])
    assert len(ids) == 2
    assert os.getpid() not in ids


def test_results_are_those_of_the_rows_and_are_kept(
    directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / 'calls'
    calls.touch()
    monkeypatch.setenv('INTARSIA_TEST_CALLS', str(calls))
    from intarsia import _worker_processes

    _worker_processes._end_idle()  # new ones know the variable
    pxt.clear_results(udfs.squared)
    t = table(directory, 500)
    t.add_computed_column(y=udfs.squared(t.x, 1, by=2))
    t.add_computed_column(again=udfs.squared(t.x, 1, by=2))
    assert t.where((t.y == 2 * (t.x * t.x + 1)) & (t.again == t.y)).count() == 500
    assert sorted(map(int, calls.read_text().split())) == list(range(500))


def test_images_arrays_json_and_batches_pass(directory: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    t = pxt.create_table(f'{directory}.t', {'x': pxt.Int, 'image': pxt.Image, 'value': pxt.Json})
    image = PIL.Image.fromarray(pixels)
    t.insert([{'x': i, 'image': image, 'value': [1, 'a', None]} for i in range(6)])
    rows = t.select(t.image, udfs.inverted(t.image), udfs.doubled(t.x), udfs.lengths(t.value)).collect()
    for i, row in enumerate(rows):
        stored, inverted, doubled, lengths = row.values()
        assert np.array_equal(np.asarray(inverted), 255 - np.asarray(stored))
        assert doubled == 2 * i
        assert lengths == {'n': 3, 'kinds': ['int', 'str', 'NoneType']}


def test_an_exception_is_the_cells_error_with_its_place(directory: str) -> None:
    t = table(directory, 0)
    t.add_computed_column(y=udfs.fails_at_3(t.x))
    assert t.insert([{'x': i} for i in range(6)], on_error='ignore').num_excs == 1
    assert t.where(t.x == 3).select(kind=t.y.errortype, text=t.y.errormsg).collect()[0] == {
        'kind': 'ValueError',
        'text': 'three',
    }


def test_a_call_that_ends_its_process_fails_its_own_cell_only(directory: str) -> None:
    t = table(directory, 0)
    t.add_computed_column(y=udfs.dies_at_3(t.x))
    assert t.insert([{'x': i} for i in range(60)], on_error='ignore').num_excs == 1
    row = t.where(t.x == 3).select(kind=t.y.errortype, text=t.y.errormsg).collect()[0]
    assert row['kind'] == 'WorkerDied'
    assert 'SIGSEGV' in row['text']
    assert t.where(t.y == t.x).count() == 59


def test_a_call_whose_process_is_killed_is_made_once_more(directory: str, tmp_path: Path) -> None:
    t = table(directory, 0)
    t.add_computed_column(y=udfs.killed_once(t.x, str(tmp_path / 'was_here')))
    assert t.insert([{'x': i} for i in range(10)]).num_excs == 0
    assert (tmp_path / 'was_here').exists()


@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(directory: str, how: signal.Signals) -> None:
    table(directory, 4)
    code = (
        'import intarsia as pxt, process_udfs\n'
        f"t = pxt.get_table('{directory}.t')\n"
        "print('ready', flush=True)\n"
        't.select(process_udfs.slow(t.x)).collect()'
    )
    parent = subprocess.Popen(
        [sys.executable, '-c', code],
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == 'ready\n'
    deadline = time.monotonic() + 120
    while len(workers := children_of(parent.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(workers) == 2
    time.sleep(1)
    parent.send_signal(how)
    _, said = parent.communicate(timeout=120)
    assert how == signal.SIGKILL or 'KeyboardInterrupt' in said
    while any(is_there(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(is_there(worker) for worker in workers)


def test_a_function_of_main_needs_cloudpickle(directory: str, run_python: Run) -> None:
    table(directory, 3)
    code = (
        'import intarsia as pxt\n'
        '@pxt.udf(processes=2)\n'
        'def local(x: int) -> int:\n    return x + 1\n'
        f"t = pxt.get_table('{directory}.t')\n"
        'print(sorted(t.select(y=local(t.x)).collect()["y"]))'
    )
    done = run_python(code)
    if importlib.util.find_spec('cloudpickle') is not None:
        assert done.stdout.strip() == '[1, 2, 3]', done.stderr
    else:
        assert 'pip install cloudpickle' in done.stderr


def test_processes_is_checked() -> None:
    with pytest.raises(pxt.RequestError, match='a number of worker processes'):

        @pxt.udf(processes=-1)
        def negative(x: int) -> int:
            return x

    with pytest.raises(pxt.RequestError, match='not for `async def`'):

        @pxt.udf(processes=2)
        async def asynchronous(x: int) -> int:
            return x
