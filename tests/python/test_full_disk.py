# SPDX-License-Identifier: Apache-2.0
"""Disks that are full: the server's, the one with the media, the one for rows that are put aside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from external_servers import Server, mounting
from test_external_postgres import Client, serve  # noqa: F401


def test_a_full_disk_of_the_server_ends_an_insert_and_leaves_nothing_of_it(
    serve: Callable[..., Server],  # noqa: F811
    tmp_path: Path,
) -> None:
    server = Server().init()
    try:
        server.start(small_disk='40m')
        server.sql(f"create tablespace small location '{server.folder}/small'", 'postgres')
        server.add_database(tablespace='small')
        client = Client(tmp_path, server.url())
        out = client.run(
            '-c',
            """
import os
import intarsia as pxt
t = pxt.create_table('t', {'id': pxt.Int, 'text': pxt.String})
t.insert([{'id': 0, 'text': 'x'}])
t.add_computed_column(long=t.text + 'y')
try:
    t.insert(({'id': i, 'text': os.urandom(1500).hex()} for i in range(1, 40_000)))
    print('no error')
except pxt.Error as error:
    print(type(error).__name__, error)
assert t.count() == 1
assert pxt.operations() == []
t.insert([{'id': 1, 'text': 'z'}])  # what was written of the insert has gone
assert t.count() == 2
""",
        )
        assert 'the disk of the PostgreSQL server is full' in out
        assert 'make room there' in out
    finally:
        server.close()


def test_full_disks_of_the_home_end_an_insert_and_leave_nothing_of_it(
    serve: Callable[..., Server],  # noqa: F811
    tmp_path: Path,
) -> None:
    client = Client(tmp_path, serve().url(), INTARSIA_MEMORY_LIMIT='64MB')
    for folder in ('media', 'spool'):
        (tmp_path / 'home' / folder).mkdir(parents=True, exist_ok=True)
    program = tmp_path / 'program.py'
    program.write_text("""
import os, sys
import PIL.Image
import intarsia as pxt
def attempt(t, rows, folder):
    try:
        t.insert(rows)
        print('no error')
    except pxt.Error as error:
        print(type(error).__name__, error)
        assert str(pxt.home() / folder) in str(error), error
    assert t.count() == 0
    assert pxt.operations() == []
    assert not [path for path in (pxt.home() / folder).rglob('*') if path.is_file()]
t = pxt.create_table('t', {'image': pxt.Image})
noise = [PIL.Image.frombytes('RGB', (256, 256), os.urandom(3 * 256 * 256)) for _ in range(60)]
attempt(t, [{'image': image} for image in noise], 'media')
t.insert([{'image': PIL.Image.new('RGB', (8, 8))}])
u = pxt.create_table('u', {'text': pxt.String})
attempt(u, ({'text': str(i) * 400} for i in range(60_000)), 'spool')
u.insert([{'text': 'x'}])
""")
    media, spool = (mounting(tmp_path / 'home' / folder, '1m') for folder in ('media', 'spool'))
    command = [*media, *spool[0:1], *spool[1:], sys.executable, program]
    process = client.start('-c', f'import os; os.execvp("unshare", {[str(word) for word in command]!r})')
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert out.count('No space left') == 2, out
