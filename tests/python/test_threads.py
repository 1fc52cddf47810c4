# SPDX-License-Identifier: Apache-2.0
"""Threads of one process share handles, sessions and a limit of them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import intarsia as pxt
import udfs_of_tests

Run = Callable[..., Any]


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'n': pxt.Int})
    t.insert([{'id': i, 'n': 0} for i in range(20)])
    return t


def test_threads_change_one_table_through_one_handle(t: pxt.Table) -> None:
    def work(i: int) -> int:
        t.insert([{'id': 100 + i, 'n': i}, {'id': 200 + i, 'n': i}])
        t.update({'n': t.n + 1}, where=t.id == i % 5)
        if i % 8 == 0:
            t.add_computed_column(**{f'c{i}': udfs_of_tests.double(t.id) + i})
        t.delete(t.id == 200 + i)
        return t.where(t.id == 100 + i).count()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(40))) == [1] * 40
    assert t.count() == 60
    assert t.where(t.id < 5).order_by(t.id).collect()['n'] == [8] * 5
    for i in range(0, 40, 8):
        assert t.where(t[f'c{i}'] == t.id * 2 + i).count() == 60


_MANY_THREADS = """
import sys, threading, traceback
from concurrent.futures import ThreadPoolExecutor
import intarsia as pxt
import udfs_of_tests
t = pxt.get_table(sys.argv[1])
def work(i):
    if i % 10 == 0:
        pxt.create_view(f'{sys.argv[1]}_v{i}', t.where(t.id >= i), additional_columns={'d': udfs_of_tests.double(t.id)})
    if i % 10 == 5:
        t.add_computed_column(**{f'c{i}': udfs_of_tests.slow_double(t.id)})
    t.insert([{'id': 1000 + i, 'n': i}])
    t.update({'n': t.n + 1}, where=t.id == i % 5)
    pxt.get_table(sys.argv[1])
    return len(t.select(udfs_of_tests.double(t.id)).order_by(t.id).limit(5).collect())
with ThreadPoolExecutor(20) as threads:
    assert list(threads.map(work, range(40))) == [5] * 40
print(t.count(), sum(t.where(t.id < 5).collect()['n']))
"""


@pytest.mark.parametrize('size', ['1', '3'])
def test_many_threads_get_along_with_few_sessions(t: pxt.Table, directory: str, run_python: Run, size: str) -> None:
    program = f'import sys; sys.argv = ["", "{directory}/t"]\n' + _MANY_THREADS
    done = run_python(program, INTARSIA_POOL_SIZE=size)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['60', '40']


def test_a_fill_with_one_session_and_more_rows_than_are_filled_in_place(directory: str, run_python: Run) -> None:
    t = pxt.create_table(f'{directory}.big', {'id': pxt.Int, 'n': pxt.Int})
    t.insert([{'id': i, 'n': 0} for i in range(12_000)])
    program = f"""
import threading
import intarsia as pxt
import udfs_of_tests
t = pxt.get_table('{directory}/big')
columns = [{{f'c{{i}}': udfs_of_tests.double(t.id) + i}} for i in range(4)]
threads = [threading.Thread(target=t.add_computed_column, kwargs=column) for column in columns]
for thread in threads: thread.start()
for thread in threads: thread.join()
print([t.where(t[f'c{{i}}'] == t.id * 2 + i).count() for i in range(4)])
"""
    done = run_python(program, INTARSIA_POOL_SIZE='1')
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([12_000] * 4)


def test_a_function_may_wait_for_threads_that_use_the_table(t: pxt.Table, directory: str, run_python: Run) -> None:
    program = f"""
import threading
import intarsia as pxt
t = pxt.get_table('{directory}/t')
@pxt.udf(is_deterministic=False)
def asks_another_thread(x: int) -> int:
    found = []
    thread = threading.Thread(target=lambda: found.append(t.where(t.id == x).count()))
    thread.start()
    thread.join()
    return found[0]
t.add_computed_column(asked=asks_another_thread(t.id))
print(sum(t.select(a=asks_another_thread(t.id)).collect()['a']), sum(t.collect()['asked']))
"""
    done = run_python(program, INTARSIA_POOL_SIZE='1', INTARSIA_POOL_TIMEOUT_SECONDS='20')
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['20', '20']


def test_a_thread_that_waits_too_long_for_a_session_names_the_setting(
    t: pxt.Table, directory: str, run_python: Run, sql: Callable[[str], list[list[str]]]
) -> None:
    program = f"""
import threading, time
import intarsia as pxt
t = pxt.get_table('{directory}/t')
threading.Thread(target=lambda: t.insert([{{'id': 1, 'n': 1}}])).start()
time.sleep(0.5)
try:
    t.count()
except pxt.ServiceUnavailableError as error:
    print(error)
"""
    [[tree]] = sql(f'select tree_id from tables where id = {t._native.id} and until is null')
    locked = threading.Thread(target=sql, args=(f'begin; lock table lock_{tree}; select pg_sleep(4); commit',))
    locked.start()
    while sql(f"select 1 from pg_locks where relation = 'lock_{tree}'::regclass and granted") == []:
        time.sleep(0.01)
    done = run_python(program, INTARSIA_POOL_SIZE='1', INTARSIA_POOL_TIMEOUT_SECONDS='1')
    locked.join()
    assert done.returncode == 0, done.stderr
    assert 'waited 1 s' in done.stdout
    assert 'pool_size' in done.stdout
    assert 'pool_timeout_seconds' in done.stdout
    assert t.count() == 21


def test_idle_sessions_are_closed(directory: str, run_python: Run) -> None:
    program = """
import os, time
from concurrent.futures import ThreadPoolExecutor
import intarsia as pxt
def sockets():
    links = []
    for fd in os.listdir('/proc/self/fd'):
        try: links.append(os.readlink(f'/proc/self/fd/{fd}'))
        except OSError: pass
    return sum(link.startswith('socket:') for link in links)
with ThreadPoolExecutor(4) as threads:
    list(threads.map(lambda i: pxt.list_tables(), range(100)))
assert sockets() > 0
deadline = time.monotonic() + 60
while sockets() and time.monotonic() < deadline:
    time.sleep(0.05)
print(sockets(), len(pxt.list_tables()) >= 0)
"""
    done = run_python(program, INTARSIA_POOL_IDLE_SECONDS='1')
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['0', 'True']
