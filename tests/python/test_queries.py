# SPDX-License-Identifier: Apache-2.0
"""Queries: select, where, order, limit, groups, counts; and the face of their results."""

import datetime
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import PIL.Image
import pyarrow as pa
import pytest

import intarsia as pxt
import udfs_of_tests
from intarsia import ErrorCode, exceptions

N = 1000


@pytest.fixture(scope='module')
def numbers() -> pxt.Table:
    pxt.drop_table('query_numbers', if_not_exists='ignore')
    t = pxt.create_table('query_numbers', {'i': pxt.Int, 's': pxt.String, 'f': pxt.Float | None})
    t.insert([{'i': i, 's': f'row {i % 7}', 'f': None if i % 10 == 0 else i / 2} for i in range(N)])
    return t


def test_rows_come_in_insertion_order(numbers: pxt.Table) -> None:
    assert numbers.collect()['i'] == list(range(N))
    assert numbers.count() == N


def test_select_names_columns(numbers: pxt.Table) -> None:
    t = numbers
    rows = t.select(t.i, t.i, t.i + 1, t.s.upper(), total=t.i * 2).limit(1).collect()
    assert list(rows.schema) == ['i', 'i_1', 'col_2', 'upper', 'total']
    assert {name: str(type_) for name, type_ in t.select(t.i, t.f).schema.items()} == {'i': 'Int', 'f': 'Float | None'}
    assert t.select(5, 'x').limit(1).collect()[0] == {'literal': 5, 'literal_1': 'x'}


def test_where_order_and_limit(numbers: pxt.Table) -> None:
    t = numbers
    query = t.where(t.i > 10).where(t.s == 'row 3').order_by(t.i, asc=False).limit(3, offset=1)
    want = [i for i in range(N - 1, 10, -1) if i % 7 == 3][1:4]
    assert query.select(t.i).collect()['i'] == want
    assert t.order_by(t.s).order_by(t.i, asc=False).limit(1).collect()[0, 'i'] == max(i for i in range(N) if i % 7 == 0)
    assert t.limit(0).collect()._names == ['i', 's', 'f']
    assert len(t.where(t.i < 0).collect()) == 0


def test_head_tail_show(numbers: pxt.Table) -> None:
    t = numbers
    assert t.head(3)['i'] == [0, 1, 2]
    assert t.tail(3)['i'] == [N - 3, N - 2, N - 1]
    assert len(t.head()) == len(t.tail()) == 10
    assert len(t.show()) == 20
    assert len(t.head(0)) == 0
    assert t.where(t.i >= 5).head(2)['i'] == [5, 6]


def test_groups(numbers: pxt.Table) -> None:
    t, fn = numbers, pxt.functions
    rows = t.group_by(t.i % 3).select(
        k=t.i % 3, n=fn.count(t.f), total=fn.sum(t.i), low=fn.min(t.f), high=fn.max(t.s), mean=fn.mean(t.f)
    )
    got = sorted(rows.collect(), key=lambda row: row['k'])
    for k, row in enumerate(got):
        members = range(k, N, 3)
        floats = [i / 2 for i in members if i % 10]
        assert row['n'] == len(floats)
        assert row['total'] == sum(members)
        assert row['low'] == min(floats)
        assert row['high'] == 'row 6'
        assert math.isclose(row['mean'], sum(floats) / len(floats))
    assert t.select(fn.sum(t.i)).collect()[0, 0] == sum(range(N))


def test_counts(numbers: pxt.Table) -> None:
    t = numbers
    assert t.where(t.i < 100).count() == 100
    assert t.where(t.f == None).count() == N // 10  # noqa: E711


@pytest.mark.parametrize(
    ('build', 'code'),
    [
        (lambda t: t.limit(-1), ErrorCode.INVALID_ARGUMENT),
        (lambda t: t.head(-1), ErrorCode.INVALID_ARGUMENT),
        (lambda t: t.limit('x'), ErrorCode.TYPE_MISMATCH),
        (lambda t: t.select(t.i).select(t.i), ErrorCode.INVALID_STATE),
        (lambda t: t.select(t.i, i=t.f).collect(), None),
    ],
)
def test_bad_queries_are_refused(numbers: pxt.Table, build: Callable[[pxt.Table], Any], code: ErrorCode | None) -> None:
    with pytest.raises(exceptions.RequestError) as caught:
        build(numbers)
    assert code is None or caught.value.error_code is code


def test_an_error_of_a_udf_ends_a_query(numbers: pxt.Table) -> None:
    failing = udfs_of_tests.reciprocal(numbers.i)
    for query in (numbers.select(failing), numbers.select(failing + 1), numbers.where(failing > 0.5)):
        with pytest.raises(exceptions.RequestError, match='row 0: ZeroDivisionError: division by zero'):
            query.collect()
    assert numbers.select(x=1 / numbers.i).limit(2).collect()['x'] == [None, 1.0]  # of an operator, it is null


def test_a_column_of_another_table_is_refused(numbers: pxt.Table, directory: str) -> None:
    other = pxt.create_table(f'{directory}.other', {'x': pxt.Int})
    with pytest.raises(exceptions.Error, match='x'):
        numbers.select(other.x).collect()


# ---- results ----


def test_a_result_is_a_table_of_cells(numbers: pxt.Table) -> None:
    rows = numbers.select(numbers.i, numbers.f).limit(3).collect()
    assert len(rows) == 3
    assert rows[0] == {'i': 0, 'f': None}
    assert rows[-1] == {'i': 2, 'f': 1.0}
    assert rows['i'] == [0, 1, 2]
    assert rows[1, 'f'] == rows[1, 1] == 0.5
    assert rows.to_pydict() == {'i': [0, 1, 2], 'f': [None, 0.5, 1.0]}
    assert list(rows) == [rows[0], rows[1], rows[2]]
    assert rows == numbers.select(numbers.i, numbers.f).limit(3).collect()
    assert rows != numbers.select(numbers.i).limit(3).collect()


def test_bad_indexes(numbers: pxt.Table) -> None:
    rows = numbers.head(2)
    with pytest.raises(IndexError):
        rows[2]
    for key in ('nosuch', (0, 'nosuch'), (0, 9)):
        with pytest.raises(exceptions.RequestError) as caught:
            rows[key]  # type: ignore[index]
        assert caught.value.error_code is ErrorCode.INVALID_COLUMN_NAME
    with pytest.raises(exceptions.RequestError, match=r'not by 1\.5'):
        rows[1.5]  # type: ignore[call-overload]


def test_to_pandas(numbers: pxt.Table) -> None:
    frame = numbers.collect().to_pandas()
    assert frame.shape == (N, 3)
    assert frame['i'].dtype == 'int64'
    assert frame['f'].dtype == 'float64'
    assert frame['f'].isna().sum() == N // 10
    assert frame['i'].tolist() == list(range(N))
    assert frame['s'].tolist() == [f'row {i % 7}' for i in range(N)]


def test_to_arrow(numbers: pxt.Table) -> None:
    table = numbers.collect().to_arrow()
    assert table.num_rows == N
    assert table.schema.field('i').type == pa.int64()
    assert table.column('f').null_count == N // 10
    assert table.column('s').to_pylist()[:3] == ['row 0', 'row 1', 'row 2']
    empty = numbers.where(numbers.i < 0).collect().to_arrow()
    assert empty.num_rows == 0
    assert empty.column_names == ['i', 's', 'f']
    assert pa.table(numbers.head(2)).num_rows == 2


def test_a_result_prints_as_pandas_does(numbers: pxt.Table) -> None:
    rows = numbers.head(2)
    assert repr(rows) == '   i      s    f\n0  0  row 0  NaN\n1  1  row 1  0.5'
    assert repr(numbers.limit(0).collect()) == 'Empty DataFrame\nColumns: [i, s, f]\nIndex: []'
    assert '<td' in rows._repr_html_()
    assert 'row 1' in rows._repr_html_()


def test_a_query_prints_what_it_does(numbers: pxt.Table) -> None:
    t = numbers
    query = t.where(t.i > 1).select(t.i, k=t.f + 1).order_by(t.i, asc=False).limit(3)
    text = repr(query)
    assert [line.split() for line in text.splitlines() if line.strip()] == [
        ['Name', 'Type', 'Expression'],
        ['-' * len(text.splitlines()[1])],
        ['i', 'Int', 'i'],
        ['k', 'Float', '|', 'None', 'f', '+', '1'],
        ['From', 'query_numbers'],
        ['Where', 'i', '>', '1'],
        ['Order', 'By', 'i', 'desc'],
        ['Limit', '3'],
    ]
    assert 'desc' in query._repr_html_()


def test_pictures_in_results(directory: str, photograph: Callable[[str], str]) -> None:
    t = pxt.create_table(f'{directory}.p', {'img': pxt.Image | None})
    t.insert([{'img': photograph('coins.png')}, {'img': None}])
    rows = t.select(t.img, small=t.img.resize((30, 20)), w=t.img.width).collect()
    assert rows[0, 'img'].format == 'PNG'
    assert rows[0, 'small'].size == (30, 20)
    assert rows['w'] == [PIL.Image.open(photograph('coins.png')).width, None]
    assert rows[1] == {'img': None, 'small': None, 'w': None}
    assert '<img src="data:image/png;base64' in rows._repr_html_()
    assert isinstance(rows.to_pandas()['img'][0], PIL.Image.Image)
    assert t.select(t.img.fileurl, t.img.localpath).collect()[0] == {
        'img_fileurl': f'file://{photograph("coins.png")}',
        'img_localpath': photograph('coins.png'),
    }


def test_times_become_pandas_times(directory: str) -> None:
    t = pxt.create_table(f'{directory}.when', {'ts': pxt.Timestamp | None})
    t.insert([{'ts': datetime.datetime(2020, 1, 1)}, {'ts': None}])
    series = t.collect().to_pandas()['ts']
    assert series[0] == pd.Timestamp('2020-01-01', tz='UTC')
    assert pd.isna(series[1])
