# SPDX-License-Identifier: Apache-2.0
"""Serialization failures and deadlocks of a publish are tried again, and no user's function is called for that."""

from collections.abc import Callable
from typing import Any

import pytest

import intarsia as pxt
from intarsia import exceptions

Sql = Callable[[str], list[list[str]]]

_CALLS: list[int] = []


@pxt.udf(cheap=True)
def noted(x: int) -> int:
    _CALLS.append(x)
    return x + 1


@pytest.fixture
def fail_publishes(sql: Sql) -> Any:
    """The next publishes of a table fail with a SQLSTATE, so many times."""

    def fail(t: pxt.Table, state: str, times: int) -> None:
        sql(
            f"""create sequence if not exists test_attempts; alter sequence test_attempts restart;
            create or replace function test_fail() returns trigger language plpgsql as $$ begin
              if nextval('intarsia.test_attempts') <= {times} then
                raise exception 'made by the test' using errcode = '{state}'; end if;
              return new; end $$;
            create or replace trigger test_fail before insert on operations for each row
              when (new.table_id = {t._native.id}) execute function test_fail()"""
        )

    yield fail
    sql(
        'drop trigger if exists test_fail on operations; drop function if exists test_fail; drop sequence test_attempts'
    )


def attempts(sql: Sql) -> int:
    return int(sql('select last_value from test_attempts')[0][0])


@pytest.mark.parametrize('state', ['40001', '40P01'], ids=['serialization failure', 'deadlock'])
def test_a_publish_is_tried_again_and_functions_are_not_called_again(
    directory: str, sql: Sql, fail_publishes: Any, state: str
) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.add_computed_column(y=noted(t.id))
    works: list[tuple[Callable[[], Any], list[int]]] = [
        (lambda: t.insert([{'id': 1}, {'id': 2}]), [1, 2]),
        (lambda: t.update({'id': 5}, where=t.id == 2), [5]),
        (lambda: t.add_computed_column(z=noted(t.id)), [1, 5]),
        (lambda: t.delete(t.id == 1), []),
    ]
    for work, called in works:
        fail_publishes(t, state, 3)
        _CALLS.clear()
        work()
        assert attempts(sql) == 4
        assert called == _CALLS
    assert list(t.collect()) == [{'id': 5, 'y': 6, 'z': 6}]


def test_what_fails_for_ever_is_told_and_leaves_nothing(directory: str, sql: Sql, fail_publishes: Any) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    fail_publishes(t, '40001', 1000)
    with pytest.raises(exceptions.ConcurrencyError, match='made by the test') as failure:
        t.insert([{'id': 1}])
    assert failure.value.error_code is exceptions.ErrorCode.SERIALIZATION_FAILURE
    assert 2 < attempts(sql) < 100
    assert t.count() == 0
