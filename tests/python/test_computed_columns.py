# SPDX-License-Identifier: Apache-2.0
"""Columns that compute themselves, from built-in functions and from UDFs of every kind; errors; other processes."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import intarsia as pxt
import udfs_of_tests as udfs
from intarsia import ErrorCode, exceptions

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def t(directory: str) -> pxt.Table:
    table = pxt.create_table(f'{directory}.t', {'i': pxt.Int | None, 's': pxt.String | None})
    table.insert([{'i': i, 's': f'row {i}'} for i in range(6)])
    return table


def test_rows_that_are_there_and_rows_that_come_are_computed(t: pxt.Table) -> None:
    status = t.add_computed_column(upper=t.s.upper())
    assert (status.num_rows, status.num_excs) == (6, 0)
    t.add_computed_column(longer=t.upper + '!')
    status = t.insert(i=6, s='new')
    assert status.num_rows == 1
    assert t.tail(1)[0] == {'i': 6, 's': 'new', 'upper': 'NEW', 'longer': 'NEW!'}


def test_only_new_rows_are_computed(t: pxt.Table) -> None:
    udfs.calls.clear()
    t.add_computed_column(c=udfs.counted(t.i))
    assert sorted(udfs.calls) == list(range(6))
    udfs.calls.clear()
    t.insert([{'i': 10}, {'i': 11}])
    assert sorted(udfs.calls) == [10, 11]
    t.collect()
    assert len(udfs.calls) == 2


def test_many_rows(directory: str) -> None:
    n = 30_000
    t = pxt.create_table(f'{directory}.many', {'i': pxt.Int})
    t.insert([{'i': i} for i in range(n)])
    t.add_computed_column(d=udfs.double(t.i))
    t.add_computed_column(e=t.d + 1)
    t.insert([{'i': n}])
    rows = t.collect()
    assert rows['d'] == [2 * i for i in range(n + 1)]
    assert rows['e'] == [2 * i + 1 for i in range(n + 1)]


@pytest.mark.parametrize(
    ('build', 'want'),
    [
        (lambda t: udfs.double(t.i), [0, 2, 4, None]),
        (lambda t: udfs.times(t.i, plus=1), [1, 11, 21, None]),
        (lambda t: udfs.times(t.i, t.i), [0, 1, 4, None]),
        (lambda t: udfs.or_zero(t.i), [0, 1, 2, 0]),
        (lambda t: udfs.plus_in_batches(t.i), [1, 2, 3, None]),
        (lambda t: udfs.plus_in_batches(t.i, k=5), [5, 6, 7, None]),
        (lambda t: udfs.slowly(t.i), ['got 0', 'got 1', 'got 2', None]),
        (lambda t: udfs.describe(t.j), [{'keys': ['a'], 'n': 1}, {'keys': [], 'n': 0}, None, None]),
        (lambda t: t.s.shout(), ['A!', 'B!', 'C!', None]),
        (lambda t: t.s.shout(times=3), ['A!!!', 'B!!!', 'C!!!', None]),
        (lambda t: t.s.initial, ['a', 'b', 'c', None]),
    ],
)
def test_udfs_of_every_kind(directory: str, build: Callable[[pxt.Table], Any], want: list[Any]) -> None:
    t = pxt.create_table(f'{directory}.u', {'i': pxt.Int | None, 's': pxt.String | None, 'j': pxt.Json | None})
    t.insert([{'i': 0, 's': 'a', 'j': {'a': 1}}, {'i': 1, 's': 'b', 'j': {}}, {'i': 2, 's': 'c'}, {}])
    assert t.select(v=build(t)).collect()['v'] == want
    t.add_computed_column(v=build(t))
    assert t.collect()['v'] == want


def test_batches_have_the_size_that_was_asked_for(t: pxt.Table) -> None:
    udfs.calls.clear()
    t.select(udfs.plus_in_batches(t.i)).collect()
    assert udfs.calls == [4, 2]


def test_async_calls_are_in_flight_together(directory: str) -> None:
    t = pxt.create_table(f'{directory}.slow', {'i': pxt.Int})
    t.insert([{'i': 100 + i} for i in range(100)])
    start = time.perf_counter()
    t.add_computed_column(v=udfs.slowly(t.i))
    assert time.perf_counter() - start < 2.5  # 100 calls of 0.05 s
    assert t.collect()['v'] == [f'got {100 + i}' for i in range(100)]


def test_images_and_arrays_in_udfs(directory: str, photograph: Callable[[str], str]) -> None:
    t = pxt.create_table(f'{directory}.img', {'img': pxt.Image})
    t.insert(img=photograph('coins.png'))
    t.add_computed_column(inverted=udfs.invert(t.img))
    t.add_computed_column(mean=udfs.mean_color(t.inverted))
    row = t.collect()[0]
    original = np.asarray(PIL.Image.open(photograph('coins.png')))
    difference = np.asarray(row['inverted'], int) - (255 - original.astype(int))
    assert np.abs(difference).mean() < 8  # stored as JPEG
    inverted = t.select(v=udfs.invert(t.img)).collect()[0, 'v']
    np.testing.assert_array_equal(np.asarray(inverted), 255 - original)
    np.testing.assert_allclose(row['mean'], (255 - original.astype('float32')).mean(), rtol=0.01)


def test_an_error_ends_the_operation_and_nothing_is_kept(t: pxt.Table) -> None:
    with pytest.raises(exceptions.RequestError, match='division by zero') as caught:
        t.add_computed_column(inverse=udfs.reciprocal(t.i))
    assert 'inverse' in str(caught.value)
    assert 'inverse' not in t.columns()
    t.add_computed_column(inverse=udfs.reciprocal(t.i + 1))
    with pytest.raises(exceptions.RequestError, match='division by zero'):
        t.insert([{'i': 5}, {'i': -1}])
    assert t.count() == 6


def test_an_error_is_a_cell_when_asked_for(t: pxt.Table) -> None:
    status = t.add_computed_column(inverse=udfs.reciprocal(t.i), on_error='ignore')
    assert status.num_excs == 1
    assert status.cols_with_excs == ['t.inverse']
    rows = t.where(t.inverse.errortype != None).select(t.i, t.inverse, t.inverse.errortype, t.inverse.errormsg)  # noqa: E711
    assert list(rows.collect()) == [
        {'i': 0, 'inverse': None, 'inverse_errortype': 'ZeroDivisionError', 'inverse_errormsg': 'division by zero'}
    ]
    t.add_computed_column(next=t.inverse + 1, on_error='ignore')
    assert t.select(t.next.errortype).collect()[0, 0] is not None
    status = t.insert([{'i': 0}, {'i': 4}], on_error='ignore')
    assert (status.num_rows, status.num_excs) == (2, 2)
    assert t.tail(2)['inverse'] == [None, 0.25]
    assert t.history()['errors'].tolist()[0] == 2


def test_async_and_batched_errors(t: pxt.Table) -> None:
    t.add_computed_column(a=udfs.slowly(t.i), on_error='ignore')
    assert t.select(t.a.errormsg).collect()['a_errormsg'] == [None, None, None, 'three', None, None]
    t.add_computed_column(b=udfs.one_too_few(t.i), on_error='ignore')
    assert '3 results for 4 rows' in t.select(t.b.errormsg).collect()[0, 0]
    t.add_computed_column(c=udfs.wrong_type(t.i), on_error='ignore')
    assert t.select(t.c.errortype).collect()[0, 0] == 'TypeError'
    assert 'Int' in t.select(t.c.errormsg).collect()[0, 0]


def test_an_interrupt_ends_the_operation(t: pxt.Table) -> None:
    with pytest.raises(KeyboardInterrupt):
        t.add_computed_column(v=udfs.interrupted(t.i))
    assert 'v' not in t.columns()
    t.add_computed_column(v=udfs.double(t.i))


def test_names_are_checked(t: pxt.Table) -> None:
    t.add_computed_column(d=t.i + 1)
    for name, code in [('d', ErrorCode.COLUMN_ALREADY_EXISTS), ('i', ErrorCode.COLUMN_ALREADY_EXISTS)]:
        with pytest.raises(exceptions.AlreadyExistsError, match=name) as caught:
            t.add_computed_column(**{name: t.i})
        assert caught.value.error_code is code
    for name in ('insert', '_x', '1a', 'a b'):
        with pytest.raises(exceptions.RequestError) as refused:
            t.add_computed_column(**{name: t.i})
        assert refused.value.error_code is ErrorCode.INVALID_COLUMN_NAME
    t.add_computed_column(d=t.i + 2, if_exists='ignore')
    assert t.collect()['d'][0] == 1
    t.add_computed_column(d=t.i + 2, if_exists='replace')
    assert t.collect()['d'][0] == 2


@pytest.mark.parametrize('columns', [{}, {'a': pxt.Int}, {'a': int}, {'a': lambda i: i}, {'a': [1, object()]}])
def test_what_is_no_computed_column_is_refused(t: pxt.Table, columns: dict[str, Any]) -> None:
    with pytest.raises(exceptions.RequestError):
        t.add_computed_column(**columns)


def test_a_column_of_another_table_is_refused(t: pxt.Table, directory: str) -> None:
    other = pxt.create_table(f'{directory}.other', {'x': pxt.Int})
    with pytest.raises(exceptions.RequestError, match='x'):
        t.add_computed_column(y=other.x + 1)


def test_udfs_need_types(t: pxt.Table) -> None:
    def untyped(x):  # type: ignore[no-untyped-def]
        return x

    def no_result(x: int):  # type: ignore[no-untyped-def]
        return x

    def strange(x: object) -> int:
        return 1

    def many(*x: int) -> int:
        return 1

    for fn in (untyped, no_result, strange, many):
        with pytest.raises(exceptions.RequestError, match=fn.__name__):
            pxt.udf(fn)


def test_calls_are_checked(t: pxt.Table) -> None:
    for build, code in [
        (lambda: udfs.double(t.s), ErrorCode.TYPE_MISMATCH),
        (lambda: udfs.double(), ErrorCode.INVALID_ARGUMENT),
        (lambda: udfs.double(t.i, z=1), ErrorCode.INVALID_ARGUMENT),
        (lambda: udfs.double(t.i, t.i), ErrorCode.INVALID_ARGUMENT),
    ]:
        with pytest.raises(exceptions.RequestError) as caught:
            build()
        assert caught.value.error_code is code


# ---- another process ----


def test_another_process_finds_the_functions(t: pxt.Table, run_python: Run) -> None:
    t.add_computed_column(d=udfs.double(t.i))
    path = t.get_metadata()['path']
    done = run_python(f"""
import sys
import intarsia as pxt
t = pxt.get_table({path!r})
assert 'udfs_of_tests' not in sys.modules, 'opening a table imports no user code'
t.insert(i=21)
print(t.tail(1)[0, 'd'])
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '42'
    assert t.tail(1)[0, 'd'] == 42


def test_a_missing_function_disables_its_column_only(t: pxt.Table, run_python: Run, tmp_path: Path) -> None:
    path = t.get_metadata()['path']
    (tmp_path / 'gone.py').write_text(
        'import intarsia as pxt\n\n\n@pxt.udf\ndef gone(x: int) -> int:\n    return x + 1\n'
    )
    done = run_python(
        f'import sys; sys.path.insert(0, {str(tmp_path)!r}); import gone, intarsia as pxt; '
        f't = pxt.get_table({path!r}); t.add_computed_column(g=gone.gone(t.i))'
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / 'gone.py').unlink()
    assert t.collect()['g'] == [1, 2, 3, 4, 5, 6]
    assert t.where(t.g > 4).select(t.s).collect()['s'] == ['row 4', 'row 5']
    assert 'gone' in repr(t)
    with pytest.raises(exceptions.Error, match=r'gone\.gone'):
        t.insert(i=9)
    assert t.count() == 6


def test_a_function_of_a_script_works_there_and_says_so_elsewhere(t: pxt.Table, run_python: Run) -> None:
    path = t.get_metadata()['path']
    done = run_python(f"""
import intarsia as pxt
@pxt.udf
def local(x: int) -> int:
    return x + 100
t = pxt.get_table({path!r})
t.add_computed_column(v=local(t.i))
""")
    assert done.returncode == 0, done.stderr
    assert t.collect()['v'][0] == 100
    with pytest.raises(exceptions.Error, match=r'__main__\.local'):
        t.insert(i=1)
