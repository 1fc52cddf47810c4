# SPDX-License-Identifier: Apache-2.0
"""Values of every type go in and come out the same."""

import datetime
import math
import uuid
from typing import Any

import numpy as np
import pytest

import intarsia as pxt
from intarsia import exceptions
from intarsia.types import native_type

UTC = datetime.timezone.utc
UUID = uuid.UUID('12345678-1234-5678-1234-567812345678')

VALUES = {
    'Int': (pxt.Int, [0, -1, 2**63 - 1, -(2**63)]),
    'Float': (pxt.Float, [0.0, -1.5, 1e308, 5e-324, 0.1]),
    'String': (pxt.String, ['', 'plain', "it's", 'é ü 漢字 🙂', 'a\tb\nc\\', '\\N', 'NULL', ' ' * 9000]),
    'Bool': (pxt.Bool, [True, False]),
    'Timestamp': (
        pxt.Timestamp,
        [
            datetime.datetime(2020, 2, 29, 23, 59, 59, 999999, UTC),
            datetime.datetime(1969, 12, 31, 23, 59, 59, 1, UTC),
            datetime.datetime(1, 1, 1, tzinfo=UTC),
            datetime.datetime(9999, 12, 31, tzinfo=UTC),
        ],
    ),
    'Date': (pxt.Date, [datetime.date(2020, 2, 29), datetime.date(1900, 3, 1), datetime.date(1, 1, 1)]),
    'UUID': (pxt.UUID, [UUID, uuid.UUID(int=0)]),
    'Json': (
        pxt.Json,
        [{}, [], {'a': [1, 2.0, None, True, {'é': 'ü"\\\n\u0001'}]}, 5, 2.5, 'text', True, [2**70], {'k': -1.5e-7}],
    ),
    'Binary': (pxt.Binary, [b'', b'\x00\xff' * 10, b'text']),
    'Array': (
        pxt.Array,
        [np.arange(6).reshape(2, 3), np.array([1.5, 2.5], 'float32'), np.array([[True]]), np.zeros((0, 2), 'uint8')],
    ),
}


@pytest.mark.parametrize('name', VALUES)
def test_values_come_back_as_they_went_in(directory: str, name: str) -> None:
    column_type, values = VALUES[name]
    t = pxt.create_table(f'{directory}.t', {'v': column_type | None})
    t.insert([{'v': value} for value in [*values, None]])
    got = t.collect()['v']
    assert got[-1] is None
    for value, back in zip(values, got, strict=False):
        assert type(back) is type(value)
        if isinstance(value, np.ndarray):
            assert back.dtype == value.dtype
            np.testing.assert_array_equal(back, value)
        else:
            assert back == value


@pytest.mark.parametrize('name', [name for name in VALUES if name not in ('Array', 'Binary')])
def test_literals_equal_the_same_cells(directory: str, name: str) -> None:
    column_type, values = VALUES[name]
    t = pxt.create_table(f'{directory}.t', {'n': pxt.Int, 'v': column_type | None})
    t.insert([{'n': n, 'v': value} for n, value in enumerate(values)])
    for n, value in enumerate(values):
        assert n in t.where(t.v == value).select(t.n).collect()['n'], value


def test_floats_that_are_not_finite_come_back(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'f': pxt.Float})
    t.insert([{'f': math.inf}, {'f': -math.inf}, {'f': math.nan}])
    inf, minus, nan = t.collect()['f']
    assert (inf, minus) == (math.inf, -math.inf)
    assert math.isnan(nan)


def test_kindred_values_are_converted(directory: str) -> None:
    schema = {
        'i': pxt.Int,
        'f': pxt.Float,
        'b': pxt.Bool,
        'ts': pxt.Timestamp,
        'd': pxt.Date,
        'u': pxt.UUID,
        'j': pxt.Json,
        'a': pxt.Array[(2,), pxt.Float],
        'bin': pxt.Binary,
    }
    t = pxt.create_table(f'{directory}.t', schema)
    t.insert(
        i=np.int16(7),
        f=3,
        b=np.bool_(True),
        ts='2020-01-02T03:04:05+02:00',
        d='2020-01-02',
        u=str(UUID),
        j=({'a': np.arange(3), 'b': (1, 2)},),
        a=[1, 2.5],
        bin=bytearray(b'xy'),
    )
    row = t.collect()[0]
    array = row.pop('a')
    assert array.dtype == np.float32
    assert array.tolist() == [1.0, 2.5]
    assert row == {
        'i': 7,
        'f': 3.0,
        'b': True,
        'ts': datetime.datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC),
        'd': datetime.date(2020, 1, 2),
        'u': UUID,
        'j': [{'a': [0, 1, 2], 'b': [1, 2]}],
        'bin': b'xy',
    }


def test_a_naive_time_is_utc(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'ts': pxt.Timestamp})
    t.insert(ts=datetime.datetime(2024, 7, 1, 12))
    assert t.collect()[0, 'ts'] == datetime.datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ('spec', 'text'),
    [
        (pxt.Int, 'Int'),
        (pxt.Int | None, 'Int | None'),
        (None | pxt.String, 'String | None'),
        (pxt.Array[(3,), pxt.Float], 'Array[(3,), float32]'),
        (pxt.Array[(None, 2), np.uint8] | None, 'Array[(None, 2), uint8] | None'),
        (pxt.Array[pxt.Int], 'Array[int64]'),
        (pxt.Image[(10, 20), 'RGB'], "Image[(10, 20), 'RGB']"),
        (pxt.Image['L'] | None, "Image['L'] | None"),
        (pxt.Required[pxt.Video], 'Video'),
    ],
)
def test_types_read_as_they_are_written(spec: Any, text: str) -> None:
    assert str(native_type(spec)) == text


@pytest.mark.parametrize('spec', [int, str, 5, 'int', None, list[int], pxt.Int | pxt.String])
def test_what_is_no_type_is_refused(directory: str, spec: Any) -> None:
    with pytest.raises(exceptions.RequestError) as caught:
        pxt.create_table(f'{directory}.t', {'a': spec})
    assert caught.value.error_code in (pxt.ErrorCode.INVALID_TYPE, pxt.ErrorCode.TYPE_MISMATCH)


@pytest.mark.parametrize('items', [5, ('RGB', 5), 'nosuch'])
def test_image_types_check_what_narrows_them(items: Any) -> None:
    with pytest.raises(exceptions.RequestError):
        pxt.Image[items]
