# SPDX-License-Identifier: Apache-2.0
"""Async variants: the event loop goes on, a cancelled task ends its operation; threads of a web application."""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import fastapi
import httpx
import pytest

import intarsia as pxt
import udfs_of_tests

_PATIENCE = 120


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'n': pxt.Int})
    t.insert([{'id': i, 'n': 0} for i in range(20)])
    return t


def test_async_variants_do_what_the_functions_do(directory: str) -> None:
    async def work() -> None:
        await pxt.acreate_dir(f'{directory}.d')
        t = await pxt.acreate_table(f'{directory}.d.t', {'id': pxt.Int})
        assert (await t.ainsert([{'id': i} for i in range(10)])).num_rows == 10
        await t.ainsert(id=10)
        await t.aadd_computed_column(twice=t.id * 2)
        await t.aupdate({'id': 100}, where=t.id == 10)
        await t.adelete(t.id == 0)
        view = await pxt.acreate_view(f'{directory}.d.v', t.where(t.id > 5))
        assert await view.acount() == 5
        assert (await t.where(t.id > 5).order_by(t.id).acollect())['twice'] == [12, 14, 16, 18, 200]
        assert (await t.ahead(1))['id'] == [1]
        assert (await t.where(t.id < 5).atail(1))['id'] == [4]
        assert len(await t.ashow()) == 10
        assert [row['id'] async for row in t.order_by(t.id).cursor()] == [*range(1, 10), 100]
        assert await pxt.aget_table(f'{directory}.d.t') == t
        await t.where(t.id == 100).adelete()
        await t.where(t.id == 1).aupdate({'id': 11})
        assert await t.acount() == 9
        await pxt.adrop_table(view)
        assert await pxt.alist_tables(f'{directory}.d') == [f'{directory}/d/t']
        await pxt.adrop_dir(f'{directory}.d', force=True)
        with pytest.raises(pxt.NotFoundError, match='dropped'):
            await t.acount()

    asyncio.run(work())


def test_each_variant_has_the_parameters_of_its_function_and_says_what_it_is() -> None:
    for owner in (pxt, pxt.Table, pxt.Query):
        for name, variant in vars(owner).items():
            fn = getattr(owner, name[1:], None)
            if not name.startswith('a') or not inspect.iscoroutinefunction(variant):
                continue
            assert inspect.signature(variant) == inspect.signature(fn), name
            assert variant.__name__ == name
            assert variant.__doc__.startswith(f'{name[1:]}(), awaited')


async def with_ticker(work: Any) -> tuple[Any, int]:
    """What `work` gives, and how often another task had its turn meanwhile."""
    ticks = 0

    async def ticker() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(ticker())
    try:
        return await work, ticks
    finally:
        ticking.cancel()


def test_the_event_loop_goes_on_while_an_operation_runs(t: pxt.Table) -> None:
    @pxt.udf(is_deterministic=False)
    def sleepy(x: int) -> int:
        time.sleep(0.05)
        return x

    rows, ticks = asyncio.run(with_ticker(t.select(y=sleepy(t.id)).acollect()))
    assert rows['y'] == list(range(20))
    assert ticks > 10


def test_a_cancelled_task_ends_its_operation(t: pxt.Table) -> None:
    started = threading.Event()
    calls: list[int] = []

    @pxt.udf(is_deterministic=False)
    def slow(x: int) -> int:
        calls.append(x)
        started.set()
        time.sleep(0.01)
        return x

    t.add_computed_column(y=slow(t.id))
    calls.clear()
    started.clear()

    async def work() -> int:
        inserting = asyncio.create_task(t.ainsert([{'id': 100 + i, 'n': 0} for i in range(10_000)]))
        await asyncio.to_thread(started.wait, _PATIENCE)
        inserting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inserting
        return len(calls)  # nothing goes on after that

    made = asyncio.run(work())
    time.sleep(0.1)
    assert len(calls) == made < 10_000
    assert t.count() == 20
    assert pxt.operations() == []
    t.insert([{'id': 1, 'n': 1}])
    assert t.count() == 21


def test_async_functions_of_a_cancelled_task_end_too(t: pxt.Table) -> None:
    state: list[str] = []

    @pxt.udf(is_deterministic=False)
    async def endless(x: int) -> int:
        state.append('begun')
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            state.append('cancelled')
            raise
        return x

    async def work() -> None:
        task = asyncio.create_task(t.select(endless(t.id)).limit(1).acollect())
        while not state:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(work(), _PATIENCE))
    while 'cancelled' not in state:
        time.sleep(0.01)


def test_async_functions_work_in_a_notebooks_running_loop(t: pxt.Table) -> None:
    """There the plain methods are called on the loop's own thread."""

    async def cell() -> list[int]:
        t.add_computed_column(a=udfs_of_tests.async_double(t.id))
        return list(t.where(t.id < 3).select(t.a, b=udfs_of_tests.async_double(t.a)).collect()['b'])

    assert asyncio.run(cell()) == [0, 4, 8]


def test_an_async_function_may_await_the_engine(t: pxt.Table) -> None:
    @pxt.udf(is_deterministic=False)
    async def neighbours(x: int) -> int:
        return await t.where(t.id > x).acount()

    assert t.where(t.id >= 17).select(n=neighbours(t.id)).collect()['n'] == [2, 1, 0]


def test_many_tasks_share_few_sessions(t: pxt.Table) -> None:
    async def work() -> list[int]:
        await asyncio.gather(*(t.ainsert(id=1000 + i, n=i) for i in range(60)))
        return list(await asyncio.gather(*(t.where(t.id == 1000 + i).acount() for i in range(60))))

    assert asyncio.run(work()) == [1] * 60


def application(t: pxt.Table) -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.post('/rows/{i}')
    def add(i: int) -> int:  # on a thread of the pool
        return t.insert([{'id': i, 'n': i}]).num_rows

    @app.post('/async/{i}')
    async def add_async(i: int) -> int:
        return (await t.ainsert(id=i, n=i)).num_rows

    @app.get('/rows/{i}')
    def read(i: int) -> list[int]:
        return list(t.where(t.id == i).select(t.n).collect()['n'])

    @app.get('/async/{i}')
    async def read_async(i: int) -> list[int]:
        return list((await t.where(t.id == i).select(t.n).acollect())['n'])

    return app


def test_a_web_application_with_a_pool_of_threads(t: pxt.Table) -> None:
    async def work() -> None:
        transport = httpx.ASGITransport(app=application(t))
        async with httpx.AsyncClient(transport=transport, base_url='http://app', timeout=_PATIENCE) as client:
            added = await asyncio.gather(
                *(client.post(f'/{kind}/{i}') for i in range(500, 560) for kind in ('rows', 'async'))
            )
            assert [answer.json() for answer in added] == [1] * 120
            read = await asyncio.gather(
                *(client.get(f'/{kind}/{i}') for i in range(500, 560) for kind in ('rows', 'async'))
            )
            assert [answer.json() for answer in read] == [[i, i] for i in range(500, 560) for _ in range(2)]

    asyncio.run(work())
    assert t.count() == 140


_LONG_WORK = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
import intarsia as pxt
from udfs_of_tests import slow_double
t = pxt.get_table(sys.argv[1])
def rows():
    print('begun', flush=True)
    i = 0
    while True:
        time.sleep(0.001)
        yield {'id': (i := i + 1), 'n': 0}
with ThreadPoolExecutor(2) as threads:
    threads.submit(t.insert, rows()).result()
"""


def test_ctrl_c_reaches_work_on_other_threads(t: pxt.Table, directory: str) -> None:
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, '-c', _LONG_WORK, f'{directory}/t'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'begun\n'
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert 'KeyboardInterrupt' in errors, errors
    assert t.count() == 20
