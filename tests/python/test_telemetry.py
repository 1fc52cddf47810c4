# SPDX-License-Identifier: Apache-2.0
"""What the engine tells about itself: counters of functions."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import intarsia as pxt
import udfs_of_tests as udfs
from intarsia import _native


def stats(function: str, process: bool = False) -> dict[str, Any]:
    """The counters of one function; zero when it has none."""
    rows = [row for row in pxt.function_stats(process).to_dict('records') if row['function'] == function]
    return rows[0] if rows else {'calls': 0, 'seconds': 0.0, 'retries': 0, 'errors': 0, 'cache_hits': 0}


def grown(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: after[name] - before[name] for name in before if name not in ('function', 'seconds')}


def test_calls_errors_and_kept_results_are_counted(directory: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv('INTARSIA_TEST_CALLS', str(tmp_path / 'calls'))
    (tmp_path / 'calls').touch()
    pxt.clear_results()
    name = udfs.paid_but_not_13.self_path
    before, before_here = stats(name), stats(name, process=True)
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.add_computed_column(a=udfs.paid_but_not_13(t.id), on_error='ignore')
    t.insert([{'id': i} for i in range(20)], on_error='ignore')
    t.add_computed_column(b=udfs.paid_but_not_13(t.id), on_error='ignore')
    after = stats(name)
    assert grown(before, after) == {'calls': 21, 'retries': 0, 'errors': 2, 'cache_hits': 19}
    assert grown(before_here, stats(name, process=True)) == grown(before, after)
    assert after['seconds'] - before.get('seconds', 0) > 0.002 * 20


def test_built_in_functions_are_counted_where_the_engine_calls_them(directory: str, photograph: Any) -> None:
    before = stats('image.rotate')
    t = pxt.create_table(f'{directory}.t', {'image': pxt.Image})
    t.add_computed_column(turned=t.image.rotate(90))
    t.insert([{'image': photograph('coins.png')}] * 3)
    assert grown(before, stats('image.rotate'))['calls'] == 3


def test_retries_of_calls_are_counted() -> None:
    before = stats('py:some.service')
    _native.count_retry('py:some.service')
    _native.count_retry('py:some.service', 2)
    assert grown(before, stats('py:some.service')) == {'calls': 0, 'retries': 3, 'errors': 0, 'cache_hits': 0}


def test_the_instance_counts_calls_of_all_processes(
    directory: str, run_python: Callable[..., subprocess.CompletedProcess[str]], intarsia_command: Path
) -> None:
    name = udfs.double.self_path
    before, before_here = stats(name), stats(name, process=True)
    program = f"""
import os, intarsia as pxt, udfs_of_tests as udfs
t = pxt.create_table('{directory}.t', {{'id': pxt.Int}})
t.add_computed_column(a=udfs.double(t.id))
t.insert([{{'id': i}} for i in range(7)])
child = os.fork()
if child == 0:
    assert pxt.function_stats(process=True).empty  # what the parent counted is the parent's
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    done = run_python(program)
    assert done.returncode == 0, done.stderr
    assert grown(before, stats(name)) == {'calls': 7, 'retries': 0, 'errors': 0, 'cache_hits': 0}
    assert stats(name, process=True) == before_here
    shown = subprocess.run([intarsia_command, 'functions', '--json'], capture_output=True, text=True, check=True)
    row = next(row for row in json.loads(shown.stdout) if row['function'] == name)
    assert row['calls'] == stats(name)['calls']
    assert set(row) == {'function', 'calls', 'time', 'retries', 'errors', 'hits'}
