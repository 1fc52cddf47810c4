# SPDX-License-Identifier: Apache-2.0
"""The log: what happened, one JSON object per line, by all processes of the instance, and no values of cells."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import intarsia as pxt
from intarsia import _native

Run = Callable[..., subprocess.CompletedProcess[str]]
Sql = Callable[[str], list[list[str]]]


def lines(home: Path, **wanted: Any) -> list[dict[str, Any]]:
    """The lines of the log, old files first, that have these fields."""
    files = sorted((home / 'logs').glob('intarsia.log*'), reverse=True)
    text = ''.join(file.read_text() for file in files if file.suffix != '.lock')
    all_lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in all_lines if all(line.get(name) == value for name, value in wanted.items())]


def test_operations_are_lines_with_their_id_rows_and_seconds(directory: str, home: Path, sql: Sql) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.add_computed_column(double=t.id * 2)
    t.insert([{'id': i} for i in range(7)])
    t.update({'id': 0}, where=t.id > 3)
    t.delete(where=t.id == 0)
    pxt.drop_table(t)
    target = f'{directory}/t'
    done = lines(home, event='operation.end', target=target)
    assert [line['kind'] for line in done] == ['create_table', 'add_column', 'insert', 'update', 'delete', 'drop_table']
    insert, update, delete = done[2:5]
    assert (insert['rows'], insert['computed'], update['updated'], delete['deleted']) == (7, 7, 3, 4)
    for line in done:
        assert line['level'] == 'info'
        assert line['pid'] == os.getpid()
        assert 0 <= line['seconds'] < 60
        assert abs(datetime.fromisoformat(line['time']) - datetime.now(timezone.utc)) < timedelta(minutes=5)
        assert line['time'][-5] == '.', 'milliseconds'
    kinds = [sql(f'select kind from operations where id = {line["operation"]}') for line in done[2:5]]
    assert kinds == [[['insert']], [['update']], [['delete']]]


def test_a_failure_is_an_error_and_quotes_no_values(directory: str, home: Path) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    with pytest.raises(pxt.Error):
        t.insert([{'id': 1}, {'id': 'my-secret-4711'}])

    @pxt.udf
    def tells(x: int) -> int:
        raise ValueError(f'another-secret-{x}')

    t.insert([{'id': 4712}])
    with pytest.raises(pxt.Error, match='another-secret-4712'):
        t.add_computed_column(bad=tells(t.id))
    with pytest.raises(pxt.Error, match='existing table'):
        pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    failed = lines(home, event='operation.failed', target=f'{directory}/t')
    assert [line['level'] for line in failed] == ['error'] * len(failed)
    assert {line['kind'] for line in failed} >= {'add_column', 'create_table'}
    (existing,) = [line for line in failed if line['kind'] == 'create_table']
    assert existing['error'] == 'AlreadyExistsError'
    assert f"'{directory}/t'" in existing['message']
    assert 'secret' not in json.dumps(failed)


def test_levels(directory: str, home: Path, run_python: Run) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert([{'id': 1}])
    program = f"""
import os
import intarsia as pxt
t = pxt.get_table('{directory}/t')
t.insert([{{'id': 2}}])
t.where(t.id == 1).collect()
t.count()
print(os.getpid())
"""
    seen = {}
    for level in ('off', 'error', 'info', 'debug'):
        done = run_python(program, INTARSIA_LOG_LEVEL=level)
        assert done.returncode == 0, done.stderr
        seen[level] = {(line['event'], line.get('kind')) for line in lines(home, pid=int(done.stdout))}
    assert seen['off'] == seen['error'] == set()
    assert ('operation.end', 'insert') in seen['info']
    assert ('operation.end', 'query') not in seen['info']
    assert {('operation.end', 'query'), ('operation.end', 'count'), ('operation.start', 'insert')} <= seen['debug']
    assert ('session.opened', None) in seen['debug']


def test_slow_sql_is_logged_without_values(directory: str, home: Path, run_python: Run) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'name': pxt.String})
    t.insert([{'id': i, 'name': f'n{i}'} for i in range(20_000)])
    program = f"""
import os
import intarsia as pxt
t = pxt.get_table('{directory}/t')
len(t.where(t.name != 'secret-of-4711').order_by(t.name).collect())
print(os.getpid())
"""
    done = run_python(program, INTARSIA_SLOW_SQL_MS='1')
    assert done.returncode == 0, done.stderr
    slow = lines(home, pid=int(done.stdout), event='sql.slow')
    assert any('order by' in line['sql'] for line in slow)
    assert all(line['seconds'] >= 0.001 and line['level'] == 'warning' for line in slow)
    assert 'secret-of-4711' not in json.dumps(slow)
    done = run_python(program, INTARSIA_SLOW_SQL_MS='0')
    assert lines(home, pid=int(done.stdout), event='sql.slow') == []


_WRITER = """
import intarsia as pxt
from intarsia import _native
import sys
pxt.init({'home': sys.argv[1], 'log_limit': 100_000})
for i in range(400):
    _native.log('info', 'test.line', 'x' * 100, {'writer': int(sys.argv[2]), 'i': i})
"""


def test_many_processes_write_whole_lines_within_the_limit(home: Path, tmp_path: Path) -> None:
    other = tmp_path / 'home'
    words = [sys.executable, '-c', _WRITER, str(other)]
    environment = {**os.environ, 'INTARSIA_LOG_LIMIT': '100000'}
    writers = [subprocess.Popen([*words, str(n)], env=environment, stderr=subprocess.PIPE) for n in range(4)]
    try:
        for writer in writers:
            _, errors = writer.communicate()
            assert writer.returncode == 0, errors
    finally:
        _native.stop_server([('home', str(other))])
    files = [file for file in (other / 'logs').glob('intarsia.log*') if file.suffix != '.lock']
    assert len(files) == 4
    assert sum(file.stat().st_size for file in files) <= 130_000
    written = lines(other, event='test.line')
    for n in range(4):
        own = [line['i'] for line in written if line['writer'] == n]
        assert own == sorted(own), 'in order, also over several files'
    assert any(line['i'] > 350 for line in written)
    assert [line['event'] for line in lines(other)][-1] == 'server.stop'


@pytest.mark.parametrize('trouble', ['full disk', 'not to be written'])
def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, trouble: str, run_python: Run) -> None:
    other = tmp_path / 'home'
    (other / 'logs').mkdir(parents=True)
    os.chmod(other, 0o700)
    log = other / 'logs' / 'intarsia.log'
    log.symlink_to('/dev/full') if trouble == 'full disk' else log.mkdir()
    program = """
import intarsia as pxt
t = pxt.create_table('t', {'id': pxt.Int})
t.insert([{'id': 1}])
print(t.count())
"""
    try:
        done = run_python(program, INTARSIA_HOME=str(other))
    finally:
        _native.stop_server([('home', str(other))])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '1'


def test_waits_for_locks_and_lost_sessions_are_logged(directory: str, home: Path, run_python: Run, sql: Sql) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    [[tree]] = sql(f'select tree_id from tables where id = {t._native.id} and until is null')
    program = f"""
import os
import intarsia as pxt
from intarsia import _native
t = pxt.get_table('{directory}/t')
t.insert([{{'id': 1}}])
_native.arm_fault('cut', 9)
t.insert([{{'id': 2}}])
_native.arm_fault('cut', 0)
assert t.count() == 2
print(os.getpid())
"""
    hold = f"begin; lock table lock_{tree}; select pg_sleep(2.5), 'secret-of-4711'; commit"
    holder = threading.Thread(target=sql, args=(hold,))
    holder.start()
    while sql(f"select 1 from pg_locks where relation = 'lock_{tree}'::regclass and granted") == []:
        time.sleep(0.01)
    done = run_python(program)
    holder.join()
    assert done.returncode == 0, done.stderr
    own = lines(home, pid=int(done.stdout))
    (wait,) = [line for line in own if line['event'] == 'lock.wait']
    assert 'held by psql (user intarsia' in wait['message']
    assert 'secret-of-4711' not in wait['message']
    assert wait['operation'] > 0
    assert [line['reason'] for line in own if line['event'] == 'publish.retry'] == ['the session was lost']
    assert 'session.lost' in {line['event'] for line in own}


def test_lines_for_people_go_to_stderr(directory: str, run_python: Run) -> None:
    program = f"import intarsia as pxt; pxt.create_table('{directory}.t', {{'id': pxt.Int}})"
    done = run_python(program, INTARSIA_LOG_STDERR='true')
    assert done.returncode == 0, done.stderr
    assert f"info: create_table '{directory}/t': done operation=" in done.stderr


def test_a_forked_child_writes_its_own_lines(directory: str, home: Path) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    stop = threading.Event()

    def log_much() -> None:
        while not stop.is_set():
            _native.log('info', 'test.parent', '', {})

    thread = threading.Thread(target=log_much)
    thread.start()
    children = []
    for i in range(10):
        child = os.fork()
        if child == 0:
            t.insert([{'id': i}])
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    stop.set()
    thread.join()
    assert codes == [0] * 10
    inserts = lines(home, event='operation.end', kind='insert', target=f'{directory}/t')
    assert [line['pid'] for line in sorted(inserts, key=lambda line: children.index(line['pid']))] == children
