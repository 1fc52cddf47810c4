# SPDX-License-Identifier: Apache-2.0
"""Handles go to other processes, and work there."""

import concurrent.futures
import multiprocessing
import pickle
from typing import Any

import pytest

import intarsia as pxt
import udfs_of_tests
from intarsia import exceptions


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'j': pxt.Json | None})
    t.insert([{'id': i, 'j': {'a': i}} for i in range(10)])
    return t


def copied(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def test_handles_are_pickled(t: pxt.Table, directory: str) -> None:
    view = pxt.create_view(f'{directory}.v', t.where(t.id > 4))
    assert copied(t) == t
    assert isinstance(copied(view), pxt.View)
    assert copied(t).count() == 10
    query = t.where(t.id > 2).order_by(t.j.a, asc=False).select(t.id, twice=udfs_of_tests.double(t.id)).limit(3, 1)
    assert list(copied(query).collect()) == list(query.collect()) == [{'id': i, 'twice': 2 * i} for i in (8, 7, 6)]
    assert repr(copied(query)) == repr(query)
    assert t.where(copied(t.j.a == 3)).count() == 1
    assert list(t.select(copied(udfs_of_tests.double)(t.id)).limit(2).collect()['double']) == [0, 2]


def test_a_pickled_handle_to_a_dropped_table_says_so(t: pxt.Table) -> None:
    data = pickle.dumps(t)
    pxt.drop_table(t)
    with pytest.raises(exceptions.NotFoundError, match='dropped'):
        pickle.loads(data)


def insert_and_count(t: pxt.Table, query: pxt.Query, i: int) -> int:
    t.insert([{'id': 100 + i}])
    return query.count()


def test_in_spawned_processes(t: pxt.Table) -> None:
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        counts = list(pool.map(insert_and_count, [t] * 4, [t.where(t.id < 5)] * 4, range(4)))
    assert counts == [5] * 4
    assert t.count() == 14
