# SPDX-License-Identifier: Apache-2.0
"""`intarsia backup` and `restore`: what one home has, another has afterwards, and goes on with it."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import intarsia as pxt
from external_servers import Server

sys.path.insert(0, str(Path(__file__).parents[1] / 'faults'))
from orphans import find_orphans

# What a home has of the tables of a directory, as JSON: rows with the hashes of their media files, and versions.
_CONTENT = """
import hashlib, json, sys
import intarsia as pxt
found = {}
for path in sorted(pxt.list_tables(sys.argv[1])):
    t = pxt.get_table(path)
    rows = []
    for row in t.order_by(t.id).collect():
        cells = {}
        for name, cell in row.items():
            cells[name] = hashlib.md5(cell.tobytes()).hexdigest() if hasattr(cell, 'tobytes') else str(cell)
        rows.append(cells)
    found[path] = [rows, [[v['version'], v['inserts'], v['updates'], v['deletes']] for v in t.get_versions()]]
print(json.dumps(found))
"""


@pytest.fixture
def other_home(intarsia_command: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix='restored äöü ', ignore_cleanup_errors=True) as folder:
        home = Path(folder) / 'another home'
        yield home
        subprocess.run([intarsia_command, '--home', home, 'stop'], check=True, capture_output=True)


@pytest.fixture
def command(intarsia_command: Path) -> Callable[..., Any]:
    def run(*words: str | Path, fails: bool = False, **settings: str) -> Any:
        environment = {**os.environ, **settings}
        done = subprocess.run(
            [intarsia_command, '--json', *words], capture_output=True, text=True, check=False, env=environment
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    return run


def content(home: Path, directory: str, **settings: str) -> Any:
    environment = {'INTARSIA_HOME': str(home), 'INTARSIA_VERBOSITY': '0', 'PATH': '/usr/bin:/bin', **settings}
    done = subprocess.run(
        [sys.executable, '-c', _CONTENT, directory], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def make_tables(directory: str, image: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'note': pxt.String, 'image': pxt.Image, 'raw': pxt.Json})
    t.add_computed_column(small=t.image.resize((16, 16)))
    t.add_computed_column(inverse=1 / (t.id - 2), on_error='ignore')
    t.insert(
        [{'id': i, 'note': f'tab\t line\n back\\ {i}', 'image': image, 'raw': {'n': i}} for i in range(4)],
        on_error='ignore',
    )
    view = pxt.create_view(f'{directory}.v', t.where(t.id > 0))
    view.add_computed_column(smaller=view.small.resize((8, 8)))
    t.update({'note': 'changed'}, where=t.id == 1)
    t.update({'image': image}, where=t.id == 1)
    t.delete(t.id == 3)
    return t


def test_a_bundle_moves_an_instance_to_an_external_server_and_back(
    directory: str,
    home: Path,
    other_home: Path,
    tmp_path: Path,
    photograph: Callable[[str], str],
    command: Callable[..., Any],
) -> None:
    make_tables(directory, photograph('astronaut.png'))
    expected = content(home, directory)
    command('--home', home, 'backup', tmp_path / 'embedded.tar')
    server = Server().init().start().add_database()
    try:
        external = {'INTARSIA_DB_URL': server.url()}
        moved = tmp_path / 'home of the external'
        command('--home', moved, 'restore', tmp_path / 'embedded.tar', **external)
        assert content(moved, directory, **external) == expected
        refused = command('--home', tmp_path / 'third', 'restore', tmp_path / 'embedded.tar', fails=True, **external)
        assert 'overwrites nothing' in refused
        command('--home', moved, 'backup', tmp_path / 'external.tar', **external)
    finally:
        server.close()
    command('--home', other_home, 'restore', tmp_path / 'external.tar')
    assert content(other_home, directory) == expected


def test_a_restored_home_has_everything_and_goes_on(
    directory: str,
    home: Path,
    other_home: Path,
    tmp_path: Path,
    photograph: Callable[[str], str],
    command: Callable[..., Any],
) -> None:
    make_tables(directory, photograph('astronaut.png'))
    expected = content(home, directory)
    written = command('--home', home, 'backup', tmp_path / 'all.tar')
    assert written['media files'] >= 8
    restored = command('--home', other_home, 'restore', tmp_path / 'all.tar')
    assert [restored[name] for name in ('tables', 'rows', 'media files')] == [
        written[name] for name in ('tables', 'rows', 'media files')
    ]
    assert content(other_home, directory) == expected
    # Cells of the history name the new home's files too: otherwise these would be named by nothing.
    assert [line for line in find_orphans(other_home) if 'media files, ' in line] == []
    go_on = f"""
import intarsia as pxt
t = pxt.get_table('{directory}.t')
for url in t.select(u=t.small.fileurl).collect()['u']:
    assert {str(other_home.parent.name.split()[-1])!r} in url, url
t.insert([{{'id': 9, 'note': 'new', 'image': {photograph('astronaut.png')!r}, 'raw': {{}}}}])
v = pxt.get_table('{directory}.v')
assert v.where(v.id == 9).select(v.smaller).collect()[0, 'smaller'].size == (8, 8)
"""
    environment = {'INTARSIA_HOME': str(other_home), 'INTARSIA_VERBOSITY': '0', 'PATH': '/usr/bin:/bin'}
    done = subprocess.run([sys.executable, '-c', go_on], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_a_backup_among_inserts_and_drops_is_one_state(
    directory: str,
    home: Path,
    other_home: Path,
    tmp_path: Path,
    photograph: Callable[[str], str],
    command: Callable[..., Any],
    sql: Callable[[str], list[list[str]]],
) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'image': pxt.Image})
    t.add_computed_column(small=t.image.resize((16, 16)))
    pxt.create_view(f'{directory}.v', t)
    image = photograph('astronaut.png')
    stop = threading.Event()

    def write() -> None:
        for i in range(10_000):
            if stop.is_set():
                break
            t.insert([{'id': 10 * i + k, 'image': image} for k in range(10)])
            passing = pxt.create_table(f'{directory}.passing', {'id': pxt.Int, 'image': pxt.Image})
            passing.add_computed_column(small=passing.image.resize((16, 16)))
            passing.insert([{'id': 1, 'image': image}])
            pxt.drop_table(passing)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while t.count() < 20:
            pass
        command('--home', home, 'backup', tmp_path / 'all.tar')
    finally:
        stop.set()
        writer.join()
    command('--home', other_home, 'restore', tmp_path / 'all.tar')
    found = content(other_home, directory)
    rows, versions = found[f'{directory}/t' if f'{directory}/t' in found else f'{directory}.t']
    assert len(rows) == 10 * sum(1 for version in versions if version[1] > 0)
    assert [int(row['id']) for row in rows] == list(range(len(rows)))
    assert len(found[f'{directory}/v' if f'{directory}/v' in found else f'{directory}.v'][0]) == len(rows)


def test_nothing_is_overwritten(home: Path, tmp_path: Path, command: Callable[..., Any], directory: str) -> None:
    command('--home', home, 'backup', tmp_path / 'all.tar')
    assert 'there already' in command('--home', home, 'backup', tmp_path / 'all.tar', fails=True)
    message = command('--home', home, 'restore', tmp_path / 'all.tar', fails=True)
    assert 'overwrites nothing' in message
    assert str(home) in message


def test_a_damaged_or_foreign_file_is_refused_before_anything_is_made(
    home: Path, other_home: Path, tmp_path: Path, command: Callable[..., Any], directory: str
) -> None:
    command('--home', home, 'backup', tmp_path / 'all.tar')
    whole = (tmp_path / 'all.tar').read_bytes()
    at = len(whole) // 2
    (tmp_path / 'flipped').write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    (tmp_path / 'short').write_bytes(whole[:at])
    (tmp_path / 'other').write_text('no bundle')
    for name in ('flipped', 'short', 'other'):
        message = command('--home', other_home, 'restore', tmp_path / name, fails=True)
        assert 'nothing was restored' in message, message
    assert not (other_home / 'pgdata').exists()


def test_a_bundle_is_a_tar_file_without_secrets(
    home: Path, tmp_path: Path, command: Callable[..., Any], directory: str
) -> None:
    settings = home / 'config.toml'
    before = settings.read_text()
    try:
        settings.write_text('threads = 3\ndb_url = ""  # hidden\n')
        written = command('--home', home, 'backup', tmp_path)
    finally:
        settings.write_text(before)
    with tarfile.open(written['written']) as bundle:
        names = bundle.getnames()
        config = bundle.extractfile('config.toml')
        assert config is not None
        assert config.read() == b'threads = 3\n'
    assert names[0] == 'manifest.json'
    assert names[-1] == 'checksum.json'
    assert (Path(written['written']).stat().st_mode & 0o077) == 0
