# SPDX-License-Identifier: Apache-2.0
"""Work that is larger than memory_limit: put aside in files, given row by row, or refused with the cure."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import intarsia as pxt
import udfs_of_tests
from intarsia import exceptions

ROWS = 100_000


def in_little_memory(program: str, *arguments: str, limit: str = '4MB') -> Any:
    """What `program` prints as JSON, run by another process of the same instance."""
    head = 'import json, sys\nimport intarsia as pxt\nimport udfs_of_tests\nfrom intarsia import exceptions\n'
    environment = os.environ | {'INTARSIA_MEMORY_LIMIT': limit, 'PYTHONPATH': str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, '-c', head + program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope='module')
def rows() -> Any:
    pxt.create_dir('memory', if_exists='ignore')
    t = pxt.create_table('memory.rows', {'id': pxt.Int, 's': pxt.String}, if_exists='replace')
    t.insert({'id': i, 's': f'{i * 7919 % ROWS:06} and some more text to make it larger'} for i in range(ROWS))
    yield t
    pxt.drop_table('memory.rows', force=True)


def test_a_sort_in_the_engine_is_merged_from_runs(rows: pxt.Table) -> None:
    program = (
        't = pxt.get_table("memory.rows")\n'
        'key = udfs_of_tests.double(t.id % 1000)\n'
        'print(json.dumps([[r["id"], r["s"]] for r in t.order_by(key, asc=False).select(t.id, t.s).cursor()]))'
    )
    found = in_little_memory(program)
    expected = sorted(range(ROWS), key=lambda i: -(i % 1000))  # stable: equal keys stay as they come
    assert [row[0] for row in found] == expected
    assert all(row[1].startswith(f'{row[0] * 7919 % ROWS:06} ') for row in found)


def test_a_limited_sort_gives_the_first_rows(rows: pxt.Table) -> None:
    program = (
        't = pxt.get_table("memory.rows")\n'
        'query = t.order_by(udfs_of_tests.double(t.id), asc=False).select(t.id).limit(50000, 10)\n'
        'print(json.dumps([r["id"] for r in query.cursor()]))'
    )
    assert in_little_memory(program) == list(range(ROWS - 11, ROWS - 50011, -1))


def test_collect_says_what_to_do(rows: pxt.Table) -> None:
    program = (
        't = pxt.get_table("memory.rows")\n'
        'try:\n    t.collect()\n'
        'except exceptions.Error as error:\n    print(json.dumps([str(error), t.where(t.id < 10).count()]))'
    )
    message, others = in_little_memory(program)
    assert 'does not fit into memory_limit, 4.0 MB: after' in message
    assert 'cursor()' in message
    assert 'raise memory_limit' in message
    assert others == 10


def test_results_that_are_let_go_make_room(rows: pxt.Table) -> None:
    program = (
        't = pxt.get_table("memory.rows")\n'
        'print(json.dumps([len(t.select(t.id).collect()) for _ in range(30)]))'  # 0.8 MB each
    )
    assert in_little_memory(program) == [ROWS] * 30


def test_writes_larger_than_memory(rows: pxt.Table) -> None:
    program = (
        't = pxt.create_table("memory.copy", {"id": pxt.Int, "s": pxt.String})\n'
        'source = pxt.get_table("memory.rows")\n'
        't.insert(dict(row) for row in source.cursor())\n'
        't.add_computed_column(upper=t.s.upper())\n'
        'view = pxt.create_view("memory.even", t.where(t.id % 2 == 0))\n'
        'view.add_computed_column(wide=t.s + t.s)\n'
        'updated = t.update({"s": t.s + "!"}).num_rows\n'
        'deleted = t.delete(where=t.id < 1000).num_rows\n'
        'print(json.dumps([updated, deleted, t.count(), view.count()]))'
    )
    assert in_little_memory(program)[2:] == [ROWS - 1000, ROWS // 2 - 500]
    view = pxt.get_table('memory.even')
    last = view.where(view.id == ROWS - 2).collect()[0]
    text = f'{(ROWS - 2) * 7919 % ROWS:06} and some more text to make it larger!'
    assert (last['s'], last['upper'], last['wide']) == (text, text.upper(), text + text)
    pxt.drop_table('memory.copy', force=True)


def test_wide_cells_come_in_small_batches(directory: str) -> None:
    program = (
        't = pxt.create_table(sys.argv[1] + ".wide", {"n": pxt.Int})\n'
        't.insert({"n": n} for n in range(40))\n'
        't.add_computed_column(a=udfs_of_tests.wide_array(t.n))\n'
        'sums = [int(r["a"].sum()) for r in t.select(t.a).cursor()]\n'
        'ordered = [int(r["a"][0]) for r in t.order_by(udfs_of_tests.double(t.n), asc=False).select(t.a).cursor()]\n'
        'print(json.dumps([sums, ordered]))'
    )
    sums, ordered = in_little_memory(program, directory)
    assert sums == [n * udfs_of_tests.WIDE for n in range(40)]
    assert ordered == list(range(39, -1, -1))


def test_decoded_images_are_put_aside_as_they_are(directory: str, tmp_path: Path) -> None:
    for n in range(12):
        pixels = np.random.default_rng(n).integers(0, 256, (300, 400, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / f'{n}.png')
    program = (
        't = pxt.create_table(sys.argv[1] + ".images", {"n": pxt.Int, "image": pxt.Image})\n'
        't.insert({"n": n, "image": f"{sys.argv[2]}/{n}.png"} for n in range(12))\n'
        'query = t.order_by(udfs_of_tests.double(t.n), asc=False)\n'
        'query = query.select(t.n, turned=t.image.rotate(90), floats=t.image.convert("F"))\n'
        'print(json.dumps([[r["n"], r["turned"].mode, r["turned"].tobytes().hex()[:64], r["floats"].mode]'
        ' for r in query.cursor()]))'
    )
    found = in_little_memory(program, directory, str(tmp_path))
    assert [row[0] for row in found] == list(range(11, -1, -1))
    for n, mode, first, floats in found:
        turned = PIL.Image.open(tmp_path / f'{n}.png').rotate(90)
        assert (mode, first, floats) == (turned.mode, turned.tobytes().hex()[:64], 'F')


def test_a_cursor_is_opened_once(rows: pxt.Table) -> None:
    cursor = rows.where(rows.id < 3).select(rows.id).cursor()
    assert repr(cursor) == 'ResultCursor(pending, columns=[id: Int])'
    assert cursor.schema == {'id': 'Int'}
    assert [dict(row) for row in cursor] == [{'id': 0}, {'id': 1}, {'id': 2}]
    with pytest.raises(exceptions.RequestError, match='is closed and has no more rows'):
        iter(cursor)
    with pytest.raises(exceptions.RequestError, match='cannot be opened again'):
        cursor.open()
    with rows.cursor() as other:
        with pytest.raises(exceptions.RequestError, match='is open already'):
            other.open()
        row = next(iter(other))
        assert row['id'] == 0
        assert row.get('none', 7) == 7
        with pytest.raises(exceptions.NotFoundError, match="no column 'none'"):
            row['none']
    assert repr(other).startswith('ResultCursor(closed')


def test_a_cursor_sees_the_table_as_it_was(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert({'id': i} for i in range(5000))
    seen = []
    for query in (t.select(t.id), t.order_by(t.id, asc=False).select(t.id)):
        with query.cursor() as cursor:
            for n, row in enumerate(cursor):
                if n == 10:
                    t.insert([{'id': -1}])
                seen.append(row['id'])
            assert -1 not in seen
        t.delete(where=t.id < 0)
        assert sorted(seen) == list(range(5000))
        seen.clear()


def test_the_peak_of_a_process_follows_memory_limit(directory: str) -> None:
    """The same work with much memory and with little: what it holds is not its own affair."""
    program = (
        'import pathlib\n'
        'def peak():\n'
        '    lines = pathlib.Path("/proc/self/status").read_text().splitlines()\n'
        '    return next(int(line.split()[1]) // 1000 for line in lines if line.startswith("VmHWM"))\n'
        't = pxt.create_table(sys.argv[1], {"n": pxt.Int, "s": pxt.String})\n'
        't.insert([{"n": -1, "s": ""}])\n'
        'before = peak()\n'
        't.insert({"n": n, "s": f"{n:0400}"} for n in range(200_000))\n'
        'inserted = peak() - before\n'
        'query = t.order_by(udfs_of_tests.double(t.n), asc=False).select(t.n, t.s)\n'
        'found = sum(1 for _ in query.cursor())\n'
        'print(json.dumps([found, inserted, peak() - before]))'
    )
    peaks = {}
    for limit in ('1GB', '16MB'):
        found, *peaks[limit] = in_little_memory(program, f'{directory}.t{limit}', limit=limit)
        assert found == 200_001
    assert min(peaks['1GB']) > 60, peaks  # megabytes: the rows themselves are 80
    assert max(peaks['16MB']) < 60, peaks
