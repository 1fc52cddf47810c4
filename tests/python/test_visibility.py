# SPDX-License-Identifier: Apache-2.0
"""What one process commits, schema included, the next statement of another sees; waits for locks."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import intarsia as pxt
from intarsia import exceptions

_SERVE = """
import json, sys
import intarsia as pxt
known = {'pxt': pxt}
for line in sys.stdin:
    kind, code = json.loads(line)
    try:
        answer = eval(code, known) if kind == 'eval' else exec(code, known)
        print(json.dumps([True, answer]), flush=True)
    except Exception as failure:
        print(json.dumps([False, f'{type(failure).__name__}: {failure}']), flush=True)
"""


class Other:
    """Another process that stays, with handles of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, '-c', _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, kind: str, code: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([kind, code]) + '\n')
        self.process.stdin.flush()
        good, answer = json.loads(self.process.stdout.readline())
        if not good:
            raise RuntimeError(answer)
        return answer

    def does(self, code: str) -> None:
        self._ask('exec', code)

    def sees(self, code: str) -> Any:
        return self._ask('eval', code)


@pytest.fixture
def other() -> Iterator[Other]:
    other = Other()
    yield other
    assert other.process.stdin is not None
    other.process.stdin.close()
    assert other.process.wait(120) == 0


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert([{'id': i} for i in range(5)])
    return t


def test_rows_and_columns(t: pxt.Table, directory: str, other: Other) -> None:
    other.does(f"t = pxt.get_table('{directory}/t')")
    assert other.sees('t.count()') == 5
    for i in range(5, 10):
        t.insert([{'id': i}])
        assert other.sees('t.count()') == i + 1
    t.add_computed_column(twice=t.id * 2)
    assert other.sees('t.columns()') == ['id', 'twice']
    assert other.sees("list(t.order_by(t.id).collect()['twice'])") == [2 * i for i in range(10)]
    other.does('t.add_computed_column(thrice=t.id * 3)')
    assert t.columns() == ['id', 'twice', 'thrice']
    t.insert([{'id': 10}])
    assert other.sees("list(t.where(t.id == 10).collect()['thrice'])") == [30]
    other.does("t.update({'id': 11}, where=t.id == 10)")
    assert t.where(t.thrice == 33).count() == 1
    other.does('t.delete(t.id == 11)')
    assert t.count() == 10


def test_views_and_directories(t: pxt.Table, directory: str, other: Other) -> None:
    other.does(f"t = pxt.get_table('{directory}/t')")
    pxt.create_view(f'{directory}.v', t.where(t.id > 2))
    assert other.sees('t.list_views()') == [f'{directory}/v']
    other.does(f"v = pxt.get_table('{directory}/v')")
    assert other.sees('v.count()') == 2
    t.insert([{'id': 7}])
    assert other.sees('v.count()') == 3
    pxt.create_dir(f'{directory}.sub')
    assert other.sees(f"pxt.list_dirs('{directory}')") == [f'{directory}/sub']
    other.does(f"pxt.create_table('{directory}.sub.u', {{'x': pxt.Int}})")
    assert pxt.list_tables(f'{directory}.sub') == [f'{directory}/sub/u']
    pxt.drop_dir(f'{directory}.sub', force=True)
    assert other.sees(f"pxt.list_dirs('{directory}')") == []
    pxt.drop_table(f'{directory}.v')
    assert other.sees('t.list_views()') == []
    with pytest.raises(RuntimeError, match=f"NotFoundError: view '{directory}/v' was dropped"):
        other.sees('v.count()')
    t.insert([{'id': 8}])
    assert other.sees('t.count()') == 7


@pytest.mark.parametrize(
    'call', ['t.count()', 't.collect()', 't.columns()', 't.insert([{"id": 1}])', 't.delete()', 't.id']
)
def test_a_handle_to_a_dropped_table_says_so_also_when_there_is_another_of_its_name(
    t: pxt.Table, directory: str, other: Other, call: str
) -> None:
    other.does(f"t = pxt.get_table('{directory}/t')")
    other.does('t.count()')
    pxt.drop_table(t)
    if call == 't.id':
        call = 't.where(t.id > 1).count()'
    says = f"NotFoundError: table '{directory}/t' was dropped"
    with pytest.raises(RuntimeError, match=says):
        other.does(call)
    again = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'name': pxt.String | None})
    again.insert([{'id': 1, 'name': 'a'}])
    with pytest.raises(RuntimeError, match=says):
        other.does(call)
    with pytest.raises(exceptions.NotFoundError, match=f"table '{directory}/t' was dropped"):
        t.count()
    assert other.sees(f"pxt.get_table('{directory}/t').columns()") == ['id', 'name']
    assert again.count() == 1


def test_who_waits_for_a_lock_hears_whose_it_is(
    t: pxt.Table, directory: str, sql: Callable[[str], list[list[str]]], run_python: Callable[..., Any]
) -> None:
    [[tree]] = sql(f'select tree_id from tables where id = {t._native.id} and until is null')
    hold = f"set application_name = 'somebody'; begin; lock table lock_{tree}; select pg_sleep(4); commit"
    holder = threading.Thread(target=sql, args=(hold,))
    holder.start()
    while sql(f"select 1 from pg_locks where relation = 'lock_{tree}'::regclass and granted") == []:
        time.sleep(0.01)
    done = run_python(
        f"import intarsia as pxt\nt = pxt.get_table('{directory}/t')\nt.add_computed_column(x=t.id + 1)",
        INTARSIA_VERBOSITY='1',
    )
    holder.join()
    assert done.returncode == 0, done.stderr
    assert 'waiting for a lock that is held by somebody (user intarsia, server process ' in done.stderr
    assert t.columns() == ['id', 'x']


def test_sessions_say_whose_they_are(t: pxt.Table, sql: Callable[[str], list[list[str]]]) -> None:
    import os

    t.count()
    names = {name for [name] in sql('select distinct application_name from pg_stat_activity')}
    assert any(name.startswith('intarsia ') and name.endswith(f':{os.getpid()}') for name in names), names
