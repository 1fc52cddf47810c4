# SPDX-License-Identifier: Apache-2.0
"""Functions of UUIDs and arrays, against Python's uuid and NumPy."""

import time
import uuid
from typing import Any

import numpy as np
import pytest

import intarsia as pxt
from intarsia.functions import uuid as uuids


def cells(query: pxt.Query) -> list[Any]:
    return [next(iter(row.values())) for row in query.collect()]


def test_text_of_uuids(directory: str) -> None:
    keys = [uuid.uuid4() for _ in range(5)] + [uuid.UUID(int=0)]
    t = pxt.create_table(f'{directory}.t', {'key': pxt.UUID | None})
    t.insert([{'key': key} for key in [*keys, None]])
    assert cells(t.select(t.key.to_string())) == [*map(str, keys), None]
    assert cells(t.select(t.key.hex())) == [*(key.hex for key in keys), None]
    assert cells(t.where(t.key.hex() == keys[2].hex).select(t.key)) == [keys[2]]


def test_new_uuids_differ_in_every_row_and_stay(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'four': uuids.uuid4(), 'seven': uuids.uuid7()})
    before = time.time_ns() // 1_000_000
    for i in range(3):
        t.insert([{'id': i * 100 + k} for k in range(100)])
    after = time.time_ns() // 1_000_000
    rows = t.order_by(t.id).collect()
    assert len({row['four'] for row in rows}) == len({row['seven'] for row in rows}) == 300
    assert {row['four'].version for row in rows} == {4}
    assert {row['seven'].version for row in rows} == {7}
    assert {row['seven'].variant for row in rows} == {uuid.RFC_4122}
    times = [row['seven'].int >> 80 for row in rows]
    assert before <= times[0] <= times[-1] <= after
    assert max(row['seven'] for row in rows[:100]) < min(row['seven'] for row in rows[100:200])
    assert t.order_by(t.id).collect()[0] == rows[0]


@pytest.mark.parametrize(
    'dtype', ['bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'float16', 'float32', 'float64']
)
def test_arrays_as_lists(directory: str, dtype: str) -> None:
    values = np.arange(-6, 6).reshape(2, 3, 2).astype(dtype)
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Array[(2, 3, 2), np.dtype(dtype)] | None})
    t.insert([{'a': values}, {'a': None}])
    assert cells(t.select(t.a.to_list())) == [values.tolist(), None]


def test_small_and_large_halves(directory: str) -> None:
    values = np.array([6.1e-05, 5.96e-08, -0.333, 65504, 0.0, 1.0], dtype=np.float16)
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Array[(None,), np.float16]})
    t.insert([{'a': values}, {'a': np.zeros(0, dtype=np.float16)}])
    assert cells(t.select(t.a.to_list())) == [values.tolist(), []]
