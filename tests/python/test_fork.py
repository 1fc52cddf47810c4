# SPDX-License-Identifier: Apache-2.0
"""fork() at any moment: with handles in use, with other threads inside the engine, by pools and data loaders."""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import PIL.Image
import pytest

import intarsia as pxt
import udfs_of_tests
from intarsia import _instance, exceptions

pytestmark = pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')  # multi-threaded, use of fork()


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns in a forked child; a child that hangs is killed and fails the test."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        try:
            answer = (True, work())
        except BaseException:
            answer = (False, traceback.format_exc())
        with os.fdopen(writing, 'wb') as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, 'rb') as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f'the child ended with {status}'
    good, answer = pickle.loads(data)
    assert good, answer
    return answer


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert([{'id': i} for i in range(100)])
    return t


def test_handles_work_in_a_forked_child_and_on_in_its_parent(t: pxt.Table) -> None:
    assert in_child(lambda: (t.count(), t.insert([{'id': 100}]).num_rows, t.where(t.id == 100).count())) == (100, 1, 1)
    assert t.count() == 101
    assert in_child(lambda: in_child(t.count)) == 101
    t.insert([{'id': 101}])
    assert t.count() == 102


def test_a_child_has_no_session_of_its_parent(run_python: Callable[..., Any]) -> None:
    """The server must learn of the parent's end from its sockets, however long a child lives."""
    program = """
import os
import intarsia as pxt
def sockets():
    links = []
    for fd in os.listdir('/proc/self/fd'):
        try: links.append(os.readlink(f'/proc/self/fd/{fd}'))
        except OSError: pass
    return {link for link in links if link.startswith('socket:')}
pxt.list_tables()
parents = sockets()
assert parents
child = os.fork()
if child == 0:
    os._exit(1 if sockets() & parents else 0)
assert os.waitpid(child, 0)[1] == 0
"""
    done = run_python(program)
    assert done.returncode == 0, done.stderr


def test_forks_while_other_threads_are_inside_the_engine(t: pxt.Table, directory: str) -> None:
    stop = threading.Event()
    failures: list[str] = []

    def repeat(work: Callable[[int], Any]) -> Callable[[], None]:
        def run() -> None:
            try:
                for i in range(1_000_000):
                    if stop.is_set():
                        return
                    work(i)
            except BaseException:
                failures.append(traceback.format_exc())

        return run

    works: list[Callable[[int], Any]] = [
        lambda i: t.insert([{'id': 1000 + i}]),
        lambda i: t.update({'id': t.id}, where=t.id == i % 100),
        lambda i: t.where(udfs_of_tests.double(t.id) == 2).count(),
        lambda i: t.order_by(t.id).limit(10).collect(),
        lambda i: pxt.create_table(f'{directory}.u{i}', {'x': pxt.Int}),
    ]
    threads = [threading.Thread(target=repeat(work)) for work in works]
    for thread in threads:
        thread.start()
    try:
        for i in range(25):
            counted, inserted = in_child(
                lambda: (
                    t.where(udfs_of_tests.double(t.id) == 2).count(),
                    t.insert([{'id': -1}]).num_rows,
                )
            )
            assert (counted, inserted) == (1, 1), i
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert t.where(t.id == -1).count() == 25


def test_an_operation_does_not_go_on_in_a_child_that_its_function_forks(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    parent = os.getpid()
    children: list[int] = []

    @pxt.udf(is_deterministic=False)
    def forking(x: int) -> int:
        child = os.fork()
        if child != 0:
            children.append(child)
        return x

    t.add_computed_column(y=forking(t.id))
    try:
        t.insert([{'id': 1}])
        said = ''
    except BaseException as failure:
        said = str(failure)
    if os.getpid() != parent:
        os._exit(7 if 'was forked by' in said and 'os._exit' in said else 8)
    assert said == ''
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [7]
    assert t.select(t.id, t.y).collect()['y'] == [1]


def test_async_functions_work_in_a_forked_child(t: pxt.Table) -> None:
    query = t.where(t.id < 3).select(y=udfs_of_tests.async_double(t.id))
    assert query.collect()['y'] == [0, 2, 4]
    assert in_child(lambda: query.collect()['y']) == [0, 2, 4]


def test_a_child_shares_the_pace_of_calls_as_another_process_does(t: pxt.Table) -> None:
    pxt.set_rate_limit('forked', calls_in_flight=4)
    limits = _instance.rate_limits()
    assert len(limits.take('forked', [0.0])[0]) == 1

    def use_own_share() -> int:
        taken = len(limits.take('forked', [0.0] * 9)[0])
        limits.give_back('forked', taken)
        return taken

    assert in_child(use_own_share) == 2  # an equal share, since the parent is there still
    assert len(limits.take('forked', [0.0] * 9)[0]) == 3  # the parent has kept the one that it had
    limits.give_back('forked', 4)


def test_forks_while_other_threads_pace_calls_and_write_media(t: pxt.Table, directory: str) -> None:
    pxt.set_rate_limit('forked', calls_in_flight=100)
    limits = _instance.rate_limits()
    images = pxt.create_table(f'{directory}.images', {'image': pxt.Image})
    images.add_computed_column(small=images.image.resize((8, 8)))
    image = PIL.Image.new('RGB', (16, 16))
    stop = threading.Event()
    failures: list[str] = []

    def take_and_give_back() -> None:
        limits.give_back('forked', len(limits.take('forked', [0.0])[0]))

    def insert() -> None:
        images.insert([{'image': image}])

    def repeat(work: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException:
            failures.append(traceback.format_exc())

    threads = [threading.Thread(target=repeat, args=(work,)) for work in (take_and_give_back, insert)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            in_child(lambda: (take_and_give_back(), insert()))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def count_and_insert(t: pxt.Table, i: int) -> int:
    t.insert([{'id': 1000 + i}])
    return t.where(t.id < 100).count()


@pytest.mark.parametrize('method', ['fork', 'spawn', 'forkserver'])
def test_multiprocessing_pools(t: pxt.Table, method: str) -> None:
    with multiprocessing.get_context(method).Pool(3) as pool:
        assert pool.starmap(count_and_insert, [(t, i) for i in range(9)]) == [100] * 9
    assert t.count() == 109


class Rows:
    """The protocol of torch.utils.data.Dataset: length, and items by index."""

    def __init__(self, t: pxt.Table) -> None:
        self.t = t
        self.n = t.count()

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> dict[str, Any]:
        [row] = self.t.where(self.t.id == i).select(self.t.id, twice=self.t.id * 2).collect()
        return dict(row)


def load_batches(dataset: Rows, indices: Any, batches: Any) -> None:
    """A worker of a data loader: batches of indices come, batches of items go."""
    while (wanted := indices.get()) is not None:
        number, batch = wanted
        try:
            batches.put((number, [dataset[i] for i in batch]))
        except exceptions.Error as failure:
            batches.put((number, str(failure)))


def batches_of(dataset: Rows, method: str, workers: int, size: int) -> Iterator[list[dict[str, Any]]]:
    """As torch's DataLoader does it: a queue of indices for each worker, one of results, the order restored."""
    context = multiprocessing.get_context(method)
    results = context.Queue()
    queues = [context.Queue() for _ in range(workers)]
    processes = [
        context.Process(target=load_batches, args=(dataset, indices, results), daemon=True) for indices in queues
    ]
    for process in processes:
        process.start()
    wanted = [list(range(begin, min(begin + size, len(dataset)))) for begin in range(0, len(dataset), size)]
    for number, batch in enumerate(wanted):
        queues[number % workers].put((number, batch))
    done: dict[int, Any] = {}
    for number in range(len(wanted)):
        while number not in done:
            try:
                arrived, items = results.get(timeout=120)
            except queue.Empty:
                raise AssertionError('a worker of the data loader hangs') from None
            done[arrived] = items
        yield done.pop(number)
    for indices in queues:
        indices.put(None)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_workers_of_a_data_loader(t: pxt.Table, method: str) -> None:
    loaded = [item for batch in batches_of(Rows(t), method, 3, 8) for item in batch]
    assert loaded == [{'id': i, 'twice': 2 * i} for i in range(100)]
