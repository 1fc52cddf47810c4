# SPDX-License-Identifier: Apache-2.0
"""`intarsia doctor`: each thing is broken for real; the doctor finds it, and mends it when that loses nothing."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server_instance import NOBODY, ROOT, foreign_lease, postgres_bin, wait_until

HERE = Path(__file__).parent

POPULATE = """
import sys
import numpy as np, PIL.Image
import intarsia as pxt
from intarsia.functions.video import frame_iterator
pxt.create_dir('app')
t = pxt.create_table('app.t', {'id': pxt.Int, 'image': pxt.Image, 'a': pxt.Array}, primary_key='id')
t.add_computed_column(small=t.image.resize((8, 8)))
v = pxt.create_view('app.v', t.where(t.id > 1), additional_columns={'more': t.id + 1})
t.insert([{'id': i, 'image': PIL.Image.new('RGB', (9, 9), (i, 0, 0)), 'a': np.zeros(3)} for i in range(6)])
t.delete(t.id == 0)
videos = pxt.create_table('app.videos', {'video': pxt.Video})
frames = pxt.create_view('app.frames', videos, iterator=frame_iterator(videos.video, fps=1))
frames.add_computed_column(small=frames.frame.resize((16, 9)))
videos.insert([{'video': sys.argv[1]}])
"""
READ = """
import intarsia as pxt
t = pxt.get_table('app.t')
assert [row['id'] for row in t.order_by(t.id).select(t.id).collect()] == [1, 2, 3, 4, 5]
assert {row['small'].size for row in t.select(t.small).collect()} == {(8, 8)}
assert pxt.get_table('app.v').count() == 4
frames = pxt.get_table('app.frames')
assert {row['small'].size for row in frames.select(frames.small).collect()} == {(16, 9)}
"""


class Patient:
    """An instance, and what is done to it."""

    def __init__(self, command: Path, home: Path, db_url: str = '') -> None:
        self.command = command
        self.home = home
        self.db_url = db_url

    def environment(self, **more: str) -> dict[str, str]:
        mine = {'INTARSIA_HOME': str(self.home), 'INTARSIA_DB_URL': self.db_url, 'PYTHONPATH': str(HERE)}
        return {**os.environ, **mine, **more}

    def doctor(self, *words: str, **environment: str) -> tuple[int, list[str]]:
        done = subprocess.run(
            [self.command, 'doctor', *words],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment(**environment),
        )
        assert done.stderr == ''
        return done.returncode, done.stdout.splitlines()

    def is_well(self) -> None:
        assert self.doctor() == (0, ['all is well'])

    def finds(self, *words: str, **environment: str) -> list[str]:
        """Each finding is told by its words, and nothing else is found."""
        status, lines = self.doctor(**environment)
        assert status == 1
        assert len(lines) == len(words), lines
        for text in words:
            assert any(text in line for line in lines), (text, lines)
        return lines

    def mends(self, *words: str, **environment: str) -> None:
        assert all(line.endswith('(--fix)') for line in self.finds(*words, **environment))
        status, lines = self.doctor('--fix', **environment)
        assert status == 0, lines
        assert len(lines) == len(words)
        assert all('; mended: ' in line for line in lines)
        assert self.doctor(**environment) == (0, ['all is well'])

    def only_explains(self, text: str, cure: str) -> None:
        [line] = self.finds(text)
        assert cure in line
        assert not line.endswith('(--fix)')
        status, lines = self.doctor('--fix')
        assert (status, lines) == (1, [line])

    def python(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, '-c', code, *words], capture_output=True, text=True, check=False, env=self.environment()
        )
        assert done.returncode == 0, done.stderr
        return done

    def sql(self, text: str) -> list[list[str]]:
        url = self.db_url
        if not url:
            self.python('import intarsia as pxt; pxt.list_tables()')  # the server may have ended
            socket_dir = json.loads((self.home / 'server.json').read_text())['socket_dir']
            url = f'user=intarsia dbname=intarsia host={socket_dir}'
        options = ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', 'set search_path = intarsia, public']
        done = subprocess.run(
            [postgres_bin() / 'psql', *options, '-c', text], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return [line.split('\t') for line in done.stdout.splitlines()]

    def id_of(self, table: str) -> int:
        [[found]] = self.sql(f"select id from tables where name = '{table}' and until is null")
        return int(found)

    def last_operation(self, table: str) -> int:
        [[found]] = self.sql(f'select max(operation_id) from versions where table_id = {self.id_of(table)}')
        return int(found)

    def put_file(self, table: str, operation: int) -> Path:
        path = self.home / 'media' / str(self.id_of(table)) / str(operation) / '99999_1.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'\x89PNG')
        return path

    def kill(self) -> None:
        pids = [json.loads((self.home / 'server.json').read_text())['pid']]
        pids.append(int((self.home / 'pgdata' / 'postmaster.pid').read_text().split()[0]))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.has_server())

    def has_server(self) -> bool:
        with (self.home / 'owner.lock').open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def stop(self) -> None:
        if self.home.exists():
            subprocess.run([self.command, 'stop'], env=self.environment(), check=False, capture_output=True)


@pytest.fixture(scope='module')
def patient(
    intarsia_command: Path, video: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Patient]:
    """A populated instance that every test leaves well."""
    made = Patient(intarsia_command, tmp_path_factory.mktemp('patient') / 'home')
    made.python(POPULATE, video('bigbuckbunny'))
    yield made
    made.stop()


@pytest.fixture
def fresh(intarsia_command: Path, folder: Path) -> Iterator[Patient]:
    """An instance of a test alone."""
    made = Patient(intarsia_command, folder / 'home')
    made.python("import intarsia as pxt; pxt.create_table('t', {'id': pxt.Int}).insert([{'id': 1}])")
    yield made
    made.stop()


# ---- rows, files, operations, indexes --------------------------------------------------------------------------------


def test_an_instance_that_was_worked_with_is_well(patient: Patient) -> None:
    patient.is_well()
    patient.python(READ)
    assert subprocess.run(
        [patient.command, 'doctor', '--json'], env=patient.environment(), capture_output=True, text=True, check=True
    ).stdout.split() == ['[]']


def test_entries_whose_row_is_gone_are_deleted(patient: Patient) -> None:
    t, v, frames = (patient.id_of(name) for name in ('t', 'v', 'frames'))
    [[family]] = patient.sql(f"select sql_table from generations where table_id = {t} and state = 'live'")
    patient.sql(f'insert into {family} (row_id) values (77777)')
    patient.sql(f'insert into rows_{v} (row_id, version) values (88888, 1)')
    patient.sql(f'insert into rows_{frames} (row_id, version, parent_id, pos) values (99999, 1, 88888, 0)')
    patient.mends(
        'app/t: 1 cells of rows that are not there',
        'app/v: 1 rows of the view whose row of the base is not there',
        'app/frames: 1 rows of the view whose row of the base is not there',
    )
    patient.python(READ)


def test_sql_tables_of_nothing_are_dropped(patient: Patient) -> None:
    patient.sql(f'create table fam_{patient.id_of("t")}_987654 (row_id bigint)')
    patient.mends('of a column whose filling was given up')
    session = subprocess.Popen(
        [postgres_bin() / 'psql', '-Xq', patient_url(patient)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write('create table intarsia.rows_987654 (x int); begin; lock table intarsia.rows_987654;\n')
    session.stdin.write('\\echo locked\n')
    session.stdin.flush()
    assert session.stdout.readline() == 'locked\n'
    status, [line] = patient.doctor('--fix')
    assert status == 1
    assert 'which failed: somebody reads rows_987654' in line
    session.kill()
    wait_until(lambda: patient.doctor('--fix')[0] == 0)
    patient.is_well()


def patient_url(patient: Patient) -> str:
    patient.sql('select 1')
    return f'user=intarsia dbname=intarsia host={json.loads((patient.home / "server.json").read_text())["socket_dir"]}'


def test_missing_and_invalid_indexes_are_built(patient: Patient) -> None:
    t, frames = patient.id_of('t'), patient.id_of('frames')
    indexes = patient.sql(
        f'select indexrelid::regclass::text, indisprimary or indisunique and conname is not null, indrelid::regclass::'
        f'text, conname from pg_index left join pg_constraint on conindid = indexrelid where indrelid in '
        f"('rows_{t}'::regclass, 'rows_{frames}'::regclass)"
    )
    assert len(indexes) >= 8  # keys, version, parent and position, the primary key, notes
    for index, named, sql_table, constraint in indexes:
        drop = f'alter table {sql_table} drop constraint {constraint}' if named == 't' else f'drop index {index}'
        patient.sql(drop)
    patient.mends(*['is missing'] * len(indexes))
    both = f"('rows_{t}'::regclass, 'rows_{frames}'::regclass)"
    after = patient.sql(f'select count(*) from pg_index where indrelid in {both}')
    assert after == [[str(len(indexes))]]
    patient.sql(f"update pg_index set indisvalid = false where indexrelid = 'rows_{t}_version_idx'::regclass")
    patient.mends(f'index rows_{t}_version_idx: it is invalid')


def test_a_damaged_index_is_built_anew_and_a_damaged_table_is_told(fresh: Patient) -> None:
    t = fresh.id_of('t')
    fresh.sql('checkpoint')
    [[index]] = fresh.sql(f"select pg_relation_filepath('rows_{t}_pkey')")
    [[table]] = fresh.sql(f"select pg_relation_filepath('rows_{t}')")
    fresh.stop()
    whole = (fresh.home / 'pgdata' / table).read_bytes()
    for path, place in ((index, 8192 + 24), (table, 8192 - 60)):
        with (fresh.home / 'pgdata' / path).open('r+b') as file:
            file.seek(place)
            file.write(b'\x55' * 40)
    lines = fresh.doctor()[1]
    assert any(line.startswith(f'index rows_{t}_pkey: it is damaged') for line in lines), lines
    [told] = [line for line in lines if line.startswith(f'SQL table rows_{t}: it is damaged')]
    assert 'restore a backup' in told
    assert any('checksums are wrong' in line for line in lines), lines
    fresh.stop()
    (fresh.home / 'pgdata' / table).write_bytes(whole)
    status, lines = fresh.doctor('--fix')
    assert status == 0, lines
    assert any(f'index rows_{t}_pkey' in line for line in lines)
    fresh.is_well()
    assert fresh.sql(f'select count(*) from rows_{t} where row_id > 0') == [['1']]


def test_a_missing_lock_is_made_and_a_missing_sql_table_is_told(patient: Patient) -> None:
    t = patient.id_of('t')
    [[tree]] = patient.sql(f'select tree_id from tables where id = {t}')
    patient.sql(f'drop view lock_{tree}')
    patient.mends(f'SQL view lock_{tree}: it is missing')
    v = patient.id_of('v')
    patient.sql(f'alter table rows_{v} rename to hidden')
    patient.only_explains(f'app/v: its SQL table rows_{v} is missing', 'restore a backup')
    patient.sql(f'alter table hidden rename to rows_{v}')
    patient.is_well()
    patient.python(READ)


def test_operations_that_died_are_discarded_with_their_files_and_running_ones_are_left(patient: Patient) -> None:
    t = patient.id_of('t')
    [[operation]] = patient.sql("select nextval('operation_ids')")
    announce = (
        'insert into activity (operation_id, kind, tree_id, table_id, object_id, on_error, description, user_name, '
        f"client, started) select {operation}, 'insert', tree_id, id, 0, 'abort', 'insert into ''app/t''', 'me', "
        f"'there:1', now() from tables where id = {t} and until is null"
    )
    session = subprocess.Popen(
        [postgres_bin() / 'psql', '-Xq', patient_url(patient)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write('set search_path = intarsia;\n')
    session.stdin.write(f'select pg_advisory_lock({0x1F114 << 32} + {operation}); {announce};\n\\echo announced\n')
    session.stdin.flush()
    while session.stdout.readline() != 'announced\n':
        pass
    file = patient.put_file('t', int(operation))
    patient.is_well()
    session.kill()
    session.wait()
    wait_until(lambda: patient.sql("select count(*) from pg_locks where locktype = 'advisory'") == [['0']])
    patient.sql(announce + ' on conflict do nothing')
    patient.mends("insert into 'app/t': there:1 died on the way")
    assert not file.exists()


def test_a_fill_that_died_is_finished_where_its_functions_are(fresh: Patient) -> None:
    code = (
        "import intarsia as pxt, udfs_of_tests as udfs\nt = pxt.create_table('many', {'id': pxt.Int})\n"
        "t.insert([{'id': i} for i in range(10_500)])\nt.add_computed_column(d=udfs.slow_double(t.id))"
    )
    filler = subprocess.Popen([sys.executable, '-c', code], env=fresh.environment())
    wait_until(lambda: fresh.sql("select count(*) from activity where kind = 'add_column'") == [['1']], 120)
    filler.kill()
    filler.wait()
    wait_until(lambda: fresh.doctor()[0] == 1)
    [line] = fresh.finds("add column 'd' to 'many'")
    assert 'intarsia resume' in line
    status, [line] = fresh.doctor('--fix')
    assert status == 1
    assert 'a function of it is not there' in line
    out = fresh.python(
        "import intarsia as pxt, udfs_of_tests\nprint(list(pxt.doctor(fix=True).mended))\nt = pxt.get_table('many')\n"
        'assert t.where(t.d == t.id * 2).count() == 10_500'
    ).stdout
    assert 'True' in out
    fresh.is_well()


def test_kept_results_beyond_their_limit_are_removed(patient: Patient) -> None:
    patient.sql(
        "insert into results select 'f 1', int8send(i), 0, decode(repeat('00', 1000), 'hex'), 1 from "
        'generate_series(1, 3000) i'
    )
    patient.mends('kept results: they take', INTARSIA_RESULTS_LIMIT='1MB')
    assert int(patient.sql('select count(*) from results')[0][0]) > 100
    patient.sql('delete from results')


def test_media_files_that_no_cell_names_are_removed(patient: Patient) -> None:
    operation = patient.last_operation('t')
    file = patient.put_file('t', operation - 1)
    patient.mends(f'{file.parent}: 1 media files that no cell names')
    assert not file.parent.exists()
    patient.python(READ)


@pytest.mark.parametrize('sign', ['an id that was never given', 'a time before the database'])
def test_media_files_that_another_database_may_need_are_not_removed(patient: Patient, sign: str) -> None:
    late = sign.startswith('an id')
    file = patient.put_file('t', 10**9 if late else patient.last_operation('t') - 1)
    if not late:
        os.utime(file, (0, 0))
    patient.only_explains('perhaps of another database', 'move them away')
    assert file.exists()
    shutil.rmtree(file.parent)
    patient.is_well()


def test_a_cell_whose_file_is_missing_is_named(patient: Patient, tmp_path: Path) -> None:
    [[column]] = patient.sql(f"select id from columns where name = 'small' and table_id = {patient.id_of('t')}")
    [[url, row]] = patient.sql(f'select c{column}, row_id from rows_{patient.id_of("t")} limit 1')
    shutil.move(url, tmp_path / 'kept')
    found = f"app/t.small: 1 cells name a file that is not there, the first in row {row}: '{url}'"
    patient.only_explains(found, 'drop the column')
    shutil.move(tmp_path / 'kept', url)
    patient.is_well()


def test_a_home_that_was_moved_finds_its_files_again(
    intarsia_command: Path, video: Callable[[str], str], folder: Path
) -> None:
    before = Patient(intarsia_command, folder / 'before')
    before.python(POPULATE, video('bigbuckbunny'))
    files = sorted(path.relative_to(before.home) for path in before.home.glob('media/*/*/*'))
    before.stop()
    before.home.rename(folder / 'after')
    after = Patient(intarsia_command, folder / 'after')
    try:
        after.mends(f"media cells name files of the home there, which are in '{after.home}'")
        assert sorted(path.relative_to(after.home) for path in after.home.glob('media/*/*/*')) == files
        after.python(READ)
    finally:
        after.stop()


# ---- the home --------------------------------------------------------------------------------------------------------


def break_mode(home: Path) -> None:
    home.chmod(0o755)


def break_owner(home: Path) -> None:
    os.chown(home / 'logs' / 'server.log', NOBODY, NOBODY)
    os.chown(home / 'logs', NOBODY, NOBODY)


def break_folder(home: Path) -> None:
    shutil.rmtree(home / 'cache')


def break_config(home: Path) -> None:
    (home / 'config.toml').unlink()


def break_instance(home: Path) -> None:
    (home / 'instance.json').write_text('{"for')


def leave_draft(home: Path) -> None:
    (home / 'server.json.4711').write_text('{')
    os.utime(home / 'server.json.4711', (0, 0))


def leave_spool(home: Path) -> None:
    (home / 'spool').mkdir(exist_ok=True)
    (home / 'spool' / 'rows-abc').write_text('x')
    os.utime(home / 'spool' / 'rows-abc', (0, 0))


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (break_mode, 'others may enter the home (mode 755)'),
        pytest.param(break_owner, 'it belongs to user 65534', marks=pytest.mark.skipif(not ROOT, reason='chown')),
        (break_folder, 'cache: the folder is missing'),
        (break_config, 'config.toml: it is missing'),
        (break_instance, 'instance.json: it cannot be read'),
        (leave_draft, 'server.json.4711: a file whose writing was interrupted'),
        (leave_spool, 'rows-abc: rows that a process had put aside'),
    ],
)
def test_a_home_is_mended(fresh: Patient, damage: Callable[[Path], None], words: str) -> None:
    damage(fresh.home)
    fresh.mends(words)


@pytest.mark.parametrize('fix', [True, False])
def test_what_a_killed_server_left_is_found_and_removed_by_the_doctor_or_the_next_start(
    fresh: Patient, fix: bool
) -> None:
    fresh.kill()
    left = ['server.json', 'lease.json', 'pgdata/postmaster.pid', 'run/.s.PGSQL.5432', 'run/.s.PGSQL.5432.lock']
    status, lines = fresh.doctor(*['--fix'] * fix)
    assert sorted(line.split(': ')[0] for line in lines) == sorted(str(fresh.home / name) for name in left)
    assert status == (0 if fix else 1)
    fresh.is_well()


def test_what_interrupted_makings_of_the_database_left_is_removed(fresh: Patient) -> None:
    fresh.stop()
    for name in ('pgdata.draft', 'pgdata.old'):
        (fresh.home / name / 'base').mkdir(parents=True)
    status, lines = fresh.doctor('--fix')
    assert status == 0
    assert any('pgdata.draft: a database whose making was interrupted' in line for line in lines)
    assert any('pgdata.old: the database as it was before' in line for line in lines)
    assert not list(fresh.home.glob('pgdata.*'))
    fresh.is_well()


@pytest.mark.parametrize(
    ('damage', 'words', 'cure'),
    [
        (
            lambda home: (home / 'config.toml').write_text('memry_limit = 1\n'),
            "'memry_limit' is no setting",
            'memory_limit',
        ),
        (lambda home: (home / 'instance.json').write_text('{"format": 7}'), 'format 7', 'pip install --upgrade'),
        (lambda home: (home / 'pgdata' / 'PG_VERSION').unlink(), 'PG_VERSION is missing', 'restore a backup'),
        (
            lambda home: ((home / 'media' / 'x').write_text(''), shutil.rmtree(home / 'pgdata')),
            'the database is gone',
            'restore a backup',
        ),
    ],
)
def test_what_cannot_be_mended_is_explained(
    fresh: Patient, damage: Callable[[Path], object], words: str, cure: str
) -> None:
    fresh.stop()
    damage(fresh.home)
    fresh.only_explains(words, cure)


def test_a_server_that_does_not_start_is_told_with_its_words(fresh: Patient) -> None:
    fresh.stop()
    with (fresh.home / 'pgdata' / 'postgresql.conf').open('a') as file:
        file.write("shared_buffers = 'many'\n")
    [line, *_] = [line for line in fresh.doctor()[1] if 'the server of' in line]
    assert 'shared_buffers' in '\n'.join(fresh.doctor()[1])
    assert line.startswith(f'the server of {fresh.home}: it cannot be used')


def test_a_newer_catalog_is_left_alone(fresh: Patient) -> None:
    [[format]] = fresh.sql('select format from instance')
    fresh.sql('update instance set format = 99')
    assert any('its format 99 is of a newer Intarsia' in line for line in fresh.doctor('--fix')[1])
    socket_dir = json.loads((fresh.home / 'server.json').read_text())['socket_dir']
    psql = [postgres_bin() / 'psql', '-Xq', f'user=intarsia dbname=intarsia host={socket_dir}']
    subprocess.run([*psql, '-c', f'update intarsia.instance set format = {format}'], check=True)
    fresh.is_well()


def test_a_home_in_use_by_another_machine_is_left_alone(fresh: Patient) -> None:
    fresh.stop()
    stop = threading.Event()

    def renew() -> None:
        for beat in range(1, 10**6):
            (fresh.home / 'lease.tmp').write_text(foreign_lease('far-away', 1, beat))
            (fresh.home / 'lease.tmp').rename(fresh.home / 'lease.json')
            if stop.wait(0.2):
                return

    renewer = threading.Thread(target=renew)
    renewer.start()
    wait_until(lambda: (fresh.home / 'lease.json').exists())
    try:
        fresh.only_explains("it is in use by the machine or container 'far-away'", 'db_url')
    finally:
        stop.set()
        renewer.join()
        (fresh.home / 'lease.json').unlink()


def test_a_home_that_is_not_there_is_not_made(intarsia_command: Path, tmp_path: Path) -> None:
    patient = Patient(intarsia_command, tmp_path / 'nothing')
    patient.only_explains('there is no instance', 'INTARSIA_HOME')
    assert not patient.home.exists()
