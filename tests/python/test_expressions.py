# SPDX-License-Identifier: Apache-2.0
"""Expressions give what Python gives, stored or computed in a query, in SQL or in the engine."""

import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

import intarsia as pxt
from intarsia import ErrorCode, exceptions

ROWS = [
    {'i': 7, 'k': 2, 'f': 2.5, 's': 'Hello', 'b': True, 'j': {'a': [1, {'b': 2}], 'n': 5, 't': 'x'}},
    {'i': -7, 'k': 3, 'f': -0.5, 's': 'été', 'b': False, 'j': {'a': [], 'n': None}},
    {'i': 0, 'k': -2, 'f': 0.0, 's': '', 'b': True, 'j': [1, 2, 3]},
    {'i': 3, 'k': None, 'f': None, 's': None, 'b': None, 'j': None},
]


@pytest.fixture
def t(directory: str) -> pxt.Table:
    schema = {
        'i': pxt.Int,
        'k': pxt.Int | None,
        'f': pxt.Float | None,
        's': pxt.String | None,
        'b': pxt.Bool | None,
        'j': pxt.Json | None,
    }
    table = pxt.create_table(f'{directory}.t', schema)
    table.insert(ROWS)
    return table


def answers(query: pxt.Query) -> list[Any]:
    return query.collect()[query.collect()._names[0]]


def or_none(function: Callable[..., Any], *args: Any) -> Any:
    return None if any(arg is None for arg in args) else function(*args)


ARITHMETIC = {
    '+': operator.add,
    '-': operator.sub,
    '*': operator.mul,
    '/': operator.truediv,
    '//': operator.floordiv,
    '%': operator.mod,
}


@pytest.mark.parametrize('sign', ARITHMETIC)
@pytest.mark.parametrize('columns', [('i', 'k'), ('i', 'f'), ('f', 'k')])
def test_arithmetic_is_pythons(t: pxt.Table, sign: str, columns: tuple[str, str]) -> None:
    apply = ARITHMETIC[sign]
    left, right = columns

    def python(a: Any, b: Any) -> Any:
        try:
            return or_none(apply, a, b)
        except ZeroDivisionError:
            return None

    want = [python(row[left], row[right]) for row in ROWS]
    assert answers(t.select(apply(t[left], t[right]))) == want
    assert answers(t.select(apply(t[left], 2))) == [or_none(apply, row[left], 2) for row in ROWS]
    assert answers(t.select(apply(2.5, t.k))) == [or_none(apply, 2.5, row['k']) for row in ROWS]


@pytest.mark.parametrize('compare', [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge])
def test_comparisons_are_pythons(t: pxt.Table, compare: Callable[[Any, Any], Any]) -> None:
    for column, value in (('i', 0), ('f', 0.0), ('f', 2), ('s', 'Hello')):
        want = [or_none(compare, row[column], value) for row in ROWS]
        assert answers(t.select(compare(t[column], value))) == want, (column, value)
        chosen = [row['i'] for row, yes in zip(ROWS, want, strict=True) if yes]
        assert answers(t.where(compare(t[column], value)).select(t.i)) == chosen


def test_conditions_follow_sql_for_nulls(t: pxt.Table) -> None:
    assert answers(t.where((t.k == None) | (t.i > 5)).select(t.i)) == [7, 3]  # noqa: E711
    assert answers(t.where((t.s != None) & ~(t.i == 7)).select(t.i)) == [-7, 0]  # noqa: E711
    assert answers(t.where(t.b).select(t.i)) == [7, 0]
    assert answers(t.where(~t.b).select(t.i)) == [-7]
    assert answers(t.where(t.k > -100).select(t.i)) == [7, -7, 0]


def test_isin(t: pxt.Table) -> None:
    assert answers(t.where(t.i.isin([7, 0, 99])).select(t.i)) == [7, 0]
    assert answers(t.where(t.s.isin({'été', 'x'})).select(t.i)) == [-7]
    assert answers(t.where(t.i.isin(range(1, 4))).select(t.i)) == [3]
    with pytest.raises(exceptions.RequestError) as caught:
        t.i.isin(5)
    assert caught.value.error_code is ErrorCode.INVALID_ARGUMENT


def test_json_paths(t: pxt.Table) -> None:
    assert answers(t.select(t.j.a)) == [[1, {'b': 2}], [], None, None]
    assert answers(t.select(t.j.a[1].b)) == [2, None, None, None]
    assert answers(t.select(t.j['a'][-1]['b'])) == [2, None, None, None]
    assert answers(t.select(t.j[1])) == [None, None, 2, None]
    assert answers(t.select(t.j[0:2])) == [None, None, [1, 2], None]
    assert answers(t.where(t.j.n == 5).select(t.i)) == [7]
    assert answers(t.where(t.j['t'] == 'x').select(t.i)) == [7]
    assert answers(t.select(t.j.n.astype(pxt.Int | None) + 1)) == [6, None, None, None]
    assert sorted(answers(t.where(t.i == 7).select(t.j.keys()))[0]) == ['a', 'n', 't']


def test_casts(t: pxt.Table) -> None:
    assert answers(t.select(t.i.astype(pxt.Float))) == [7.0, -7.0, 0.0, 3.0]
    assert answers(t.select(t.i.astype(pxt.String))) == ['7', '-7', '0', '3']


def test_strings(t: pxt.Table) -> None:
    assert answers(t.select(t.s.upper())) == ['HELLO', 'ÉTÉ', '', None]
    assert answers(t.select(t.s.len())) == [5, 3, 0, None]
    assert answers(t.select(pxt.functions.string.replace(t.s, 'l', 'L')))[0] == 'HeLLo'
    assert answers(t.select(t.s + '!'))[:2] == ['Hello!', 'été!']
    assert answers(t.where(t.s.contains('é')).select(t.i)) == [-7]


def test_math(t: pxt.Table) -> None:
    assert answers(t.select(abs(t.i))) == [7, 7, 0, 3]
    assert answers(t.select(-t.i)) == [-7, 7, 0, -3]
    assert answers(t.select(t.i**2)) == [49, 49, 0, 9]
    got = answers(t.select(t.f.floor()))
    assert got == [or_none(math.floor, row['f']) for row in ROWS]


def test_a_division_by_zero_is_null_in_a_query_and_an_error_in_a_column(t: pxt.Table) -> None:
    assert answers(t.select(1 / t.i))[2] is None
    with pytest.raises(exceptions.Error, match='division by zero'):
        t.add_computed_column(inverse=1 / t.i)
    t.add_computed_column(inverse=1 / t.i, on_error='ignore')
    assert answers(t.select(t.inverse.errortype)) == [None, None, 'ZeroDivisionError', None]
    assert answers(t.where(t.inverse.errortype == 'ZeroDivisionError').select(t.i)) == [0]


def test_apply_calls_python(t: pxt.Table) -> None:
    assert answers(t.select(t.i.apply(lambda i: i * 3, col_type=pxt.Int))) == [21, -21, 0, 9]
    assert answers(t.select(t.s.apply(str, col_type=pxt.String))) == ['Hello', 'été', '', 'None']  # None too
    with pytest.raises(exceptions.RequestError, match='col_type'):
        t.i.apply(lambda i: i)


def test_expressions_read_as_they_are_written(t: pxt.Table) -> None:
    texts = {
        't.i + 1': t.i + 1,
        '(t.i + 1) * 2': (t.i + 1) * 2,
        "t.s.upper() == 'X'": t.s.upper() == 'X',
        't.j.a[1].b': t.j.a[1].b,
        't.i.isin([1, 2])': t.i.isin([1, 2]),
    }
    for text, expr in texts.items():
        assert repr(expr) == text.replace('t.', '', 2) if text.startswith('t.j') else text.replace('t.', '')
    assert str(t.s.upper) == 's.upper'


def test_what_an_expression_is_not(t: pxt.Table) -> None:
    with pytest.raises(TypeError, match='truth value'):
        bool(t.i == 1)
    with pytest.raises(exceptions.RequestError, match='count'):
        len(t.s)
    with pytest.raises(exceptions.RequestError, match='iterable'):
        list(t.j)
    with pytest.raises(AttributeError, match='foo'):
        t.i.foo  # noqa: B018
    with pytest.raises(AttributeError, match='nosuch'):
        t.nosuch  # noqa: B018
    with pytest.raises(AttributeError, match='nosuch'):
        t['nosuch']


@pytest.mark.parametrize(
    ('build', 'code'),
    [
        (lambda t: t.s - 1, ErrorCode.TYPE_MISMATCH),
        (lambda t: t.i + object(), ErrorCode.INVALID_EXPRESSION),
        (lambda t: t.i < None, ErrorCode.TYPE_MISMATCH),
        (lambda t: t.i & t.b, ErrorCode.TYPE_MISMATCH),
        (lambda t: t.i[0], ErrorCode.INVALID_EXPRESSION),
        (lambda t: t.s.upper(5), ErrorCode.INVALID_ARGUMENT),
        (lambda t: t.s.upper(nosuch=5), ErrorCode.INVALID_ARGUMENT),
        (lambda t: t.s.replace(), ErrorCode.INVALID_ARGUMENT),
        (lambda t: t.i.astype(int), ErrorCode.INVALID_TYPE),
        (lambda t: t.where(t.i), None),
        (lambda t: t.where(5), ErrorCode.INVALID_EXPRESSION),
        (lambda t: t.order_by(5), ErrorCode.INVALID_EXPRESSION),
    ],
)
def test_a_bad_expression_is_refused_when_it_is_built(
    t: pxt.Table, build: Callable[[pxt.Table], Any], code: ErrorCode | None
) -> None:
    with pytest.raises(exceptions.RequestError) as caught:
        build(t)
    assert code is None or caught.value.error_code is code
