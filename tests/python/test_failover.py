# SPDX-License-Identifier: Apache-2.0
"""A primary that dies and a standby that takes over, while programs write."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from external_servers import PASSWORD, Server
from test_external_postgres import Client, serve  # noqa: F401

ROWS = 10_500

WRITER = """
import sys
import intarsia as pxt
t = pxt.get_table('t')
first, last = map(int, sys.argv[1:])
for i in range(first, last):
    try:
        t.insert([{'id': i}] * 1)
        print('done', i, flush=True)
    except pxt.Error as error:
        print('failed', i, type(error).__name__, str(error).splitlines()[0], flush=True)
"""
FILLER = """
import intarsia as pxt
import udfs_of_tests as udfs
t = pxt.get_table('many')
try:
    t.add_computed_column(d=udfs.slow_double(t.id))
    print('done', flush=True)
except pxt.Error as error:
    print('failed', type(error).__name__, str(error).splitlines()[0], flush=True)
"""
PREPARE = f"""
import intarsia as pxt
t = pxt.create_table('t', {{'id': pxt.Int}})
t.add_computed_column(twice=t.id * 2)
pxt.create_view('v', t.where(t.id % 2 == 0))
pxt.create_table('many', {{'id': pxt.Int}}).insert([{{'id': i}} for i in range({ROWS})])
"""
LOOK = f"""
import intarsia as pxt
pxt.discard_dead()
pxt.resume()
many = pxt.get_table('many')
if 'd' not in many.columns():
    import udfs_of_tests as udfs
    many.add_computed_column(d=udfs.slow_double(many.id))
assert many.where(many.d == many.id * 2).count() == many.count() == {ROWS}
t, v = pxt.get_table('t'), pxt.get_table('v')
assert t.where(t.twice != t.id * 2).count() == 0
assert v.count() == t.where(t.id % 2 == 0).count()
assert pxt.operations() == []
for row in t.select(t.id).collect():
    print(row['id'])
"""


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.splitlines()


def test_no_acknowledged_row_is_lost_or_doubled_when_a_standby_takes_over(
    serve: Callable[..., Server],  # noqa: F811
    tmp_path: Path,
) -> None:
    primary = serve()
    standby = primary.standby().start()
    try:
        primary.sql("alter system set synchronous_standby_names = 'standby'")
        primary.sql('select pg_reload_conf()')
        wait_until(lambda: primary.sql('select sync_state from pg_stat_replication') == [['sync']])
        alone = Client(tmp_path, standby.url())
        assert 'is a standby, which takes no writes' in alone.error()
        hosts = f'127.0.0.1:{standby.port},127.0.0.1:{primary.port}'
        client = Client(tmp_path, f'postgresql://app:{PASSWORD}@{hosts}/app')
        client.run('-c', PREPARE)
        writers = [client.start('-c', WRITER, n * 1000, n * 1000 + 150) for n in range(3)]
        filler = client.start('-c', FILLER)
        wait_until(lambda: int(primary.sql('select count(*) from intarsia.operations')[0][0]) > 60)
        wait_until(lambda: primary.sql("select count(*) from intarsia.generations where state = 'filling'") != [['0']])
        primary.kill()
        time.sleep(0.5)
        standby.sql('select pg_promote()')
        lines = [line.split() for writer in writers for line in lines_of(writer)]
        filled = lines_of(filler)
        found = Counter(map(int, client.run('-c', LOOK).split()))
        done = {int(line[1]) for line in lines if line[0] == 'done'}
        failed = {int(line[1]) for line in lines if line[0] == 'failed'}
        assert len(done) + len(failed) == 450
        assert set(found) >= done, f'lost: {sorted(done - set(found))}'
        assert set(found) <= done, f'half done: {sorted(set(found) - done)}, {lines}'
        assert set(found.values()) == {1}
        print(f'{len(done)} inserts acknowledged, {len(failed)} failed, fill: {filled}')
    finally:
        standby.close()
