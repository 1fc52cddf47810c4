# SPDX-License-Identifier: Apache-2.0
"""Operations whose process dies: what they leave, what goes on, and what others see of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import intarsia as pxt

_BEGIN = """
import sys, time
import intarsia as pxt
from udfs_of_tests import slow_double
t = pxt.get_table(sys.argv[1])
print('ready', flush=True)
"""
_N = 12_000


def start(program: str, *words: str) -> 'subprocess.Popen[str]':
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, '-c', _BEGIN + program, *words], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    return process


def wait_until(is_so: Callable[[], Any]) -> Any:
    while not (answer := is_so()):
        time.sleep(0.01)
    return answer


def kill(process: 'subprocess.Popen[str]') -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def operations(state: str) -> list[str]:
    return [operation['description'] for operation in pxt.operations() if operation['state'] == state]


@pytest.fixture
def table(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert([{'id': i} for i in range(_N)])
    return t


def test_a_killed_fill_goes_on_where_it_was(
    table: pxt.Table, directory: str, sql: Callable[[str], list[list[str]]], intarsia_command: Path, home: Path
) -> None:
    name = f"add column 'd' to '{directory}/t'"
    writer = start('t.add_computed_column(d=slow_double(t.id))', f'{directory}/t')
    wait_until(lambda: name in operations('running'))
    [[family]] = wait_until(lambda: sql("select sql_table from generations where state = 'filling' and until is null"))
    wait_until(lambda: int(sql(f'select count(*) from {family}')[0][0]) >= 1000)
    kill(writer)
    wait_until(lambda: name in operations('resumable'))
    shown = subprocess.run(
        [intarsia_command, '--home', str(home), 'ops', '--json'], capture_output=True, text=True, check=True
    )
    assert [row['state'] for row in json.loads(shown.stdout) if row['operation'] == name] == ['resumable']
    filled = int(sql(f'select count(*) from {family}')[0][0])
    assert filled < _N
    table.insert([{'id': _N}])  # a writer computes the filling column too
    t = pxt.get_table(f'{directory}/t')  # and this finishes it
    assert operations('resumable') == []
    assert t.where(t.d == t.id * 2).count() == _N + 1
    assert sql(f'select count(*), count(distinct row_id) from {family}') == [[str(_N + 1)] * 2]


def test_a_killed_insert_leaves_nothing(
    directory: str, home: Path, photograph: Callable[[str], str], sql: Callable[[str], list[list[str]]]
) -> None:
    t = pxt.create_table(f'{directory}.p', {'image': pxt.Image})
    t.insert([{'image': photograph('astronaut.png')}])
    t.add_computed_column(small=t.image.resize((32, 32)))
    [[table_id]] = sql(
        f"select id from tables where name = 'p' and directory_path(directory_id) = '{directory}' and until is null"
    )
    media = home / 'media' / table_id
    before = set(media.rglob('*'))
    writer = start(f"t.insert(({{'image': {photograph('astronaut.png')!r}}} for i in range(10_000)))", f'{directory}/p')
    wait_until(lambda: len(set(media.rglob('*')) - before) > 20)
    assert operations('running') == [f"insert into '{directory}/p'"]
    kill(writer)
    wait_until(lambda: operations('dead'))
    assert pxt.discard_dead() == 1
    assert set(media.rglob('*')) == before
    assert operations('dead') == []
    assert t.count() == 1


def test_what_is_done_is_announced_no_more(table: pxt.Table) -> None:
    table.add_computed_column(d=table.id * 2)
    table.update({'id': table.id + 1})
    assert pxt.operations() == []


def test_a_killed_view_is_finished_by_whoever_asks(table: pxt.Table, directory: str) -> None:
    name = f"create view '{directory}/v'"
    writer = start(
        "pxt.create_view(sys.argv[2], t.where(t.id % 2 == 0), additional_columns={'d': slow_double(t.id)})",
        f'{directory}/t',
        f'{directory}/v',
    )
    wait_until(lambda: name in operations('running'))
    time.sleep(0.1)
    kill(writer)
    wait_until(lambda: name in operations('resumable'))
    table.update({'id': 1}, where=table.id == 0)
    table.delete(table.id == 2)
    view = pxt.get_table(f'{directory}/v')
    assert view.where(view.d == view.id * 2).count() == view.count() == _N // 2 - 2
    assert operations('resumable') == []


def test_an_operation_that_was_taken_for_dead_does_not_publish(
    table: pxt.Table, directory: str, sql: Callable[[str], list[list[str]]]
) -> None:
    name = f"insert into '{directory}/t'"
    writer = start(
        """
def rows():
    for i in range(1500):
        time.sleep(0.005)
        for k in range(100):
            yield {'id': -1}
try:
    t.insert(rows())
except pxt.Error as error:
    print(error)
""",
        f'{directory}/t',
    )
    wait_until(lambda: name in operations('running'))
    sql("select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory' and l.classid = 127252::oid")
    wait_until(lambda: name in operations('dead'))
    assert pxt.discard_dead() == 1
    out, _ = writer.communicate()
    assert 'run it again' in out
    assert table.where(table.id == -1).count() == 0
