# SPDX-License-Identifier: Apache-2.0
"""Results of functions that take time are kept: no finished call is made again."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import intarsia as pxt
import udfs_of_tests as udfs
from intarsia import exceptions


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Arguments of the calls since the last time that one asked."""
    path = tmp_path / 'calls'
    path.touch()
    monkeypatch.setenv('INTARSIA_TEST_CALLS', str(path))
    pxt.clear_results()

    def read() -> list[str]:
        lines = path.read_text().split()
        path.write_text('')
        return lines

    return read


def table(directory: str, n: int, name: str = 't') -> pxt.Table:
    t = pxt.create_table(f'{directory}.{name}', {'id': pxt.Int})
    if n:
        t.insert([{'id': i} for i in range(n)])
    return t


@pytest.mark.parametrize(
    'function', [udfs.paid, udfs.paid_async, lambda x: udfs.paid_in_batches(x, by=4)], ids=['plain', 'async', 'batched']
)
def test_a_call_is_made_once(directory: str, calls: Callable[[], list[str]], function: Any) -> None:
    t = table(directory, 40)
    t.add_computed_column(a=function(t.id))
    assert sorted(map(int, calls())) == list(range(40))
    t.add_computed_column(b=function(t.id))
    t.insert([{'id': i} for i in range(20)])
    other = table(directory, 40, 'other')
    other.add_computed_column(a=function(other.id))
    other.update({'id': other.id + 1})
    assert calls() == ['40']
    assert t.where((t.a != t.b) | ((t.a == None) != (t.b == None))).count() == 0  # noqa: E711
    assert other.order_by(other.id).select(other.a).collect()['a'][:39] == t.limit(40).select(t.a).collect()['a'][1:]
    kept = pxt.kept_results()
    assert list(kept['results']) == [41]
    assert pxt.clear_results() == 41


def test_an_aborted_operation_has_paid_once(directory: str, calls: Callable[[], list[str]]) -> None:
    t = table(directory, 0)
    t.add_computed_column(a=udfs.paid_but_not_13(t.id))
    with pytest.raises(exceptions.RequestError, match='unlucky'):
        t.insert([{'id': i} for i in range(30)])
    first = calls()
    assert t.count() == 0
    t.insert([{'id': i} for i in range(30) if i != 13])
    again = calls()
    assert not set(first) & set(again) - {'13'}
    assert sorted({*map(int, first), *map(int, again)}) == list(range(30))
    t.insert([{'id': 13}], on_error='ignore')
    assert calls() == ['13']  # an error is not kept


def test_what_is_not_kept(directory: str, calls: Callable[[], list[str]]) -> None:
    t = table(directory, 5)
    for function in (udfs.paid_by_chance, udfs.slow_but_cheap):
        t.add_computed_column(**{f'{function.name}_a': function(t.id)})
        t.add_computed_column(**{f'{function.name}_b': function(t.id)})
        assert Counter(calls()) == {str(i): 2 for i in range(5)}
    assert pxt.kept_results().empty
    many = table(directory, 5000, 'many')
    many.add_computed_column(trivial=udfs.double(many.id))
    assert sum(pxt.kept_results()['results']) < 2500  # a few, where the machine was busy with something else


def test_images(directory: str, calls: Callable[[], list[str]], photograph: Callable[[str], str]) -> None:
    t = pxt.create_table(f'{directory}.p', {'image': pxt.Image})
    t.insert([{'image': photograph(name)} for name in ('astronaut.png', 'coins.png')])
    t.add_computed_column(a=udfs.paid_image(t.image.resize((40, 30)), 90))
    assert calls() == ['90', '90']
    t.add_computed_column(b=udfs.paid_image(t.image.resize((40, 30)), 90))
    assert calls() == []
    for row in t.select(t.a, t.b).collect():
        assert row['a'].tobytes() == row['b'].tobytes()
    t.add_computed_column(c=udfs.paid_image(t.image.resize((40, 30)), 180))
    assert calls() == ['180', '180']


_MODULE = """
import time
import intarsia as pxt
from udfs_of_tests import note_call
FACTOR = {factor}
def helper(x):
    return x * FACTOR
@pxt.udf
def scaled(x: int) -> int:
    note_call(x)
    time.sleep(0.002)
    return helper(x)
"""


def test_a_function_that_changed_is_called_again(
    directory: str, calls: Callable[[], list[str]], tmp_path: Path
) -> None:
    table(directory, 5)
    for n, (factor, made) in enumerate([(2, 5), (2, 0), (3, 5)]):  # what it uses decides too
        (tmp_path / 'scaling.py').write_text(_MODULE.format(factor=factor))
        program = f"""
import intarsia as pxt, scaling
t = pxt.get_table('{directory}.t')
t.add_computed_column(a{n}=scaling.scaled(t.id))
assert t.select(t.a{n}).collect()['a{n}'] == [i * {factor} for i in range(5)]
"""
        path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent)])
        subprocess.run([sys.executable, '-c', program], check=True, env={**os.environ, 'PYTHONPATH': path})
        assert len(calls()) == made


@pytest.mark.parametrize(
    'work', ['t.add_computed_column(a=udfs.paid(t.id))', "t.insert([{'id': i} for i in range(n)])"]
)
def test_a_killed_process_has_paid_once(directory: str, calls: Callable[[], list[str]], work: str) -> None:
    n = 3000
    t = table(directory, n if 'column' in work else 0)
    if 'insert' in work:
        t.add_computed_column(a=udfs.paid(t.id))
    program = f"""
import intarsia as pxt, udfs_of_tests as udfs
n = {n}
t = pxt.get_table('{directory}.t')
print('ready', flush=True)
{work}
"""
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent)}
    kills = 0
    made: list[str] = []
    while True:
        process = subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        assert process.stdout.readline() == 'ready\n'
        time.sleep(1.5)
        if process.poll() is None and kills < 3:
            process.send_signal(signal.SIGKILL)
            kills += 1
        status = process.wait()
        made += calls()
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert kills > 0
    assert {int(x) for x in made} == set(range(n))
    assert len(made) <= n + kills * 20  # a fiftieth of a second of calls
    assert t.where(t.a == t.id * 10).count() == n


@pytest.mark.parametrize(
    ('work', 'columns'),
    [
        ("t.insert([{'id': i} for i in range(n)])", ['a']),
        ('t.add_computed_column(a=udfs.paid(t.id))', []),
        ("t.update({'id': t.id + 1000})", ['a']),
    ],
    ids=['insert', 'fill', 'update'],
)
def test_an_interrupted_operation_has_paid_once(
    directory: str, calls: Callable[[], list[str]], work: str, columns: list[str]
) -> None:
    n = 600
    t = table(directory, 0 if 'insert' in work else n)
    if columns:
        t.add_computed_column(a=udfs.paid(t.id))
    before = rows_of(t)
    calls()
    pxt.clear_results()
    program = f"""
import intarsia as pxt, udfs_of_tests as udfs
n = {n}
t = pxt.get_table('{directory}.t')
print('ready', flush=True)
{work}
"""
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    deadline = time.monotonic() + 50
    while sum(pxt.kept_results()['results']) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert 'KeyboardInterrupt' in errors
    first = calls()
    t = pxt.get_table(f'{directory}.t')
    if 'a' in t.columns():
        assert rows_of(t) == before
    exec(work, {'t': t, 'n': n, 'udfs': udfs})
    again = calls()
    assert 0 < len(first) < n
    assert len(first) + len(again) <= n + 20  # those of a fiftieth of a second
    assert {int(x) % 1000 for x in first + again} == set(range(n))
    assert t.where(t.a == t.id * 10).count() == n


def rows_of(t: pxt.Table) -> list[Any]:
    return [tuple(row.values()) for row in t.order_by(t.id).collect()]


@pytest.mark.parametrize('end', [signal.SIGKILL, signal.SIGINT], ids=['killed', 'interrupted'])
def test_finished_calls_are_kept_while_others_of_their_batch_are_in_flight(
    directory: str, calls: Callable[[], list[str]], end: signal.Signals
) -> None:
    n = 300
    t = table(directory, n)
    program = f"""
import intarsia as pxt, udfs_of_tests as udfs
pxt.get_table('{directory}.t').add_computed_column(a=udfs.paid_unevenly(pxt.get_table('{directory}.t').id))
"""
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent), 'INTARSIA_TEST_SLOW': '1'}
    process = subprocess.Popen([sys.executable, '-c', program], stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 50
    while sum(pxt.kept_results()['results']) < 127 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(end)
    _, errors = process.communicate()
    assert process.returncode != 0
    if end == signal.SIGINT:
        assert 'KeyboardInterrupt' in errors
    first = calls()
    t = pxt.get_table(f'{directory}.t')
    t.add_computed_column(a=udfs.paid_unevenly(t.id))
    assert len(first) >= 127
    assert sorted([*map(int, first), *map(int, calls())]) == list(range(n))
    assert t.where(t.a == t.id * 10).count() == n
