# SPDX-License-Identifier: Apache-2.0
"""Waits for PostgreSQL come to an end: for locks at the timeout, for long SQL when somebody does not want to wait."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import intarsia as pxt

Run = Callable[..., subprocess.CompletedProcess[str]]
Sql = Callable[[str], list[list[str]]]


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'name': pxt.String})
    t.insert([{'id': 0, 'name': 'x'}])
    return t


@pytest.fixture
def hold_lock(sql: Sql) -> Iterator[Callable[[pxt.Table], Callable[[], None]]]:
    """Holds the lock of a table's writers in a session past the engine; gives what lets it go."""
    ends: list[Callable[[], None]] = []

    def hold(t: pxt.Table) -> Callable[[], None]:
        [[tree]] = sql(f'select tree_id from tables where id = {t._native.id} and until is null')
        text = f'begin; lock table lock_{tree}; select pg_sleep(120); commit'
        holder = threading.Thread(target=lambda: _ignore_failure(lambda: sql(text)))
        holder.start()
        held = f"select pid from pg_locks where relation = 'lock_{tree}'::regclass and granted"
        while not sql(held):
            time.sleep(0.01)
        [[pid]] = sql(held)

        def end() -> None:
            sql(f'select pg_terminate_backend({pid})')
            holder.join()

        ends.append(end)
        return end

    yield hold
    for end in ends:
        end()


def _ignore_failure(work: Callable[[], Any]) -> None:
    with contextlib.suppress(AssertionError):  # the session was ended
        work()


@pytest.mark.parametrize(
    'change',
    [
        "t.insert([{'id': 1, 'name': 'x'}])",
        "t.update({'name': 'y'})",
        't.delete()',
        't.add_computed_column(n=t.id + 1)',
        't.add_column(n=pxt.Int | None)',
        "t.rename_column('name', 'n')",
        "t.drop_column('name')",
        'pxt.create_view(VIEW, t)',
        'pxt.drop_table(t)',
    ],
)
def test_a_write_that_waits_too_long_for_a_lock_says_who_has_it_and_does_nothing(
    t: pxt.Table, directory: str, run_python: Run, hold_lock: Any, change: str
) -> None:
    let_go = hold_lock(t)
    program = f"""
import sys, time
import intarsia as pxt
t = pxt.get_table('{directory}/t')
VIEW = '{directory}.v'
begin = time.monotonic()
try:
    {change}
except pxt.ConcurrencyError as error:
    print(time.monotonic() - begin)
    print(error)
"""
    done = run_python(program, INTARSIA_LOCK_TIMEOUT_SECONDS='1')
    assert done.returncode == 0, done.stderr
    seconds, message = done.stdout.split('\n', 1)
    assert 1 <= float(seconds) < 60
    assert 'held by psql (user intarsia, server process ' in message
    assert 'nothing was changed: run it again' in message
    assert 'lock_timeout_seconds' in message
    let_go()
    assert t.collect()['name'] == ['x']
    assert t.columns() == ['id', 'name']
    assert pxt.list_tables(directory) == [f'{directory}/t']
    done = run_python(program, INTARSIA_LOCK_TIMEOUT_SECONDS='1')
    assert (done.returncode, done.stdout) == (0, ''), done.stderr


def test_a_lock_that_is_free_in_time_is_waited_for(
    t: pxt.Table, run_python: Run, directory: str, hold_lock: Any
) -> None:
    let_go = hold_lock(t)
    timer = threading.Timer(1.5, let_go)
    timer.start()
    program = f"import intarsia as pxt; pxt.get_table('{directory}/t').insert([{{'id': 1, 'name': 'x'}}])"
    done = run_python(program, INTARSIA_LOCK_TIMEOUT_SECONDS='60', INTARSIA_VERBOSITY='1')
    timer.join()
    assert done.returncode == 0, done.stderr
    assert 'waiting for a lock that is held by psql' in done.stderr
    assert t.count() == 2


# Queries whose SQL runs for minutes, if nobody ends it: PostgreSQL sorts, or filters, what a slow function makes.
_SLOW = {
    'order_by': 't.order_by(t.id).collect()',
    'where': 't.where(t.name != "y").collect()',
    'count': 't.count()',
    'head': 't.head(3)',
    'cursor': 'list(t.where(t.name != "y").cursor())',
}


@pytest.fixture
def slow_table(t: pxt.Table, sql: Sql) -> Iterator[pxt.Table]:
    """Reading a row of it takes PostgreSQL two minutes: the SQL table is a view over a sleeping one."""
    [[rows]] = sql(
        f'select c.oid::regclass from pg_class c join pg_attribute a on a.attrelid = c.oid '
        f"where c.relkind = 'r' and c.relname like '%{t._native.id}%' and a.attname = 'row_id' limit 1"
    )
    name = rows.split('.')[-1]
    sql(
        f'alter table {name} rename to {name}_slow; create view {name} as select s.* from {name}_slow s, '
        f'(select pg_sleep(120) offset 0) z'
    )
    yield t
    sql(f'drop view {name}; alter table {name}_slow rename to {name}')


def sleepers(sql: Sql) -> int:
    text = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and application_name like 'intarsia%'"
    return int(sql(text)[0][0])


@pytest.mark.parametrize('query', _SLOW.values(), ids=_SLOW.keys())
def test_ctrl_c_ends_long_sql(slow_table: pxt.Table, directory: str, sql: Sql, tmp_path: Path, query: str) -> None:
    program = f"""
import intarsia as pxt
t = pxt.get_table('{directory}/t')
print('begins', flush=True)
try:
    {query}
except KeyboardInterrupt:
    print('interrupted', pxt.list_dirs() != [])
"""
    process = subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == 'begins\n'
    while sleepers(sql) == 0:
        assert process.poll() is None
        time.sleep(0.02)
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate()
    assert rest == 'interrupted True\n'
    assert time.monotonic() - begin < 60
    assert sleepers(sql) == 0


def test_a_cancelled_task_ends_its_sql(slow_table: pxt.Table, sql: Sql) -> None:
    async def run() -> float:
        task = asyncio.create_task(slow_table.order_by(slow_table.id).acollect())
        while await asyncio.to_thread(sleepers, sql) == 0:
            await asyncio.sleep(0.02)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begin

    assert asyncio.run(run()) < 60
    assert sleepers(sql) == 0
