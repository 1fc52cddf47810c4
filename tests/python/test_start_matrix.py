# SPDX-License-Identifier: Apache-2.0
"""Where and how the server starts: each case is handled, or explained by a message that names the folder and the cure.

Other machines and containers are real: namespaces of their own on one volume. A machine differs from a container by the
kernel's boot id, and by a file system whose locks may not reach it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from server_instance import (
    NOBODY,
    ROOT,
    Instance,
    Machine,
    find_program,
    foreign_lease,
    postgres_bin,
    wait_until,
)

Machines = Callable[..., Machine]
needs_root = pytest.mark.skipif(not ROOT, reason='makes namespaces and mounts')


def refused_soon(instance: Instance) -> str:
    began = time.monotonic()
    message = instance.refused()
    assert time.monotonic() - began < 20  # and not the two minutes for which ending servers are waited for
    assert str(instance.home) in message
    return message


# ---- another container, another machine -----------------------------------------------------------------------------


@needs_root
def test_a_second_container_uses_the_server_when_the_volume_brings_its_socket(folder: Path, machine: Machines) -> None:
    home = folder / 'home'
    first = Instance(home, prefix=machine('first').prefix)
    other = machine('second')
    second = Instance(home, prefix=other.prefix)
    assert first.sql('create table t (x int); insert into t values (17); select 1') == '1'
    address = first.file('server.json')
    assert second.sql('select x from t') == '17'
    done = other.python(home, "import intarsia as pxt; pxt.create_table('t', {'x': pxt.Int}).insert([{'x': 1}])")
    assert done.returncode == 0, done.stderr
    assert second.file('server.json') == address
    assert second.log().count('ready to accept connections') == 1
    # It is the other's to end.
    status, _, message = second.run('--stop')
    assert status == 1
    assert "'first'" in message
    assert 'stop it there' in message
    assert first.stop() == 'stopped'
    assert second.sql('select x from t') == '17'
    assert second.stop() == 'stopped'


@needs_root
def test_a_second_container_that_cannot_reach_the_server_is_refused_at_once(folder: Path, machine: Machines) -> None:
    home = folder / ('h' * 100)  # so that the socket is in /tmp or /var/tmp, which each container has for itself
    own = (
        'mount -t tmpfs none /var/tmp; mkdir /var/tmp/home; mount --bind {0} /var/tmp/home; mount -t tmpfs none /tmp; '
    )
    own += 'mkdir -p {0}; mount --bind /var/tmp/home {0}'
    first = Instance(home, prefix=machine('first').prefix)
    first.ensure()
    other = machine('second', setup=own.format(folder))
    second = Instance(home, prefix=other.prefix)
    address = first.file('server.json')
    message = refused_soon(second)
    assert "'first'" in message
    assert 'db_url' in message
    done = other.python(home, 'import intarsia as pxt; pxt.list_tables()')
    assert "'first'" in done.stderr, done.stderr
    assert 'db_url' in done.stderr
    status, _, message = second.run('--stop')
    assert status == 1
    assert 'stop it there' in message
    assert first.file('server.json') == address
    assert first.sql('select 1') == '1'
    first.stop()


@needs_root
@pytest.mark.parametrize('locks', ['that reach it', 'that do not reach it'])
def test_a_second_machine_is_refused_and_disturbs_nothing(folder: Path, machine: Machines, locks: str) -> None:
    home = folder / 'home'
    first = Instance(home, prefix=machine('first').prefix)
    first.sql('create table t (x int)')
    address = first.file('server.json')
    other = machine('second', boot_id='another-boot')
    if locks == 'that do not reach it':
        other.hide_locks(home)
    message = refused_soon(Instance(home, prefix=other.prefix))
    assert "'first'" in message
    assert 'db_url' in message
    assert first.file('server.json') == address
    assert first.sql('select count(*) from t') == '0'
    first.stop()


@needs_root
def test_a_container_takes_over_from_one_that_is_dead_without_waiting(folder: Path, machine: Machines) -> None:
    home = folder / 'home'
    first = machine('first')
    Instance(home, prefix=first.prefix).sql('create table t (x int); insert into t values (17)')
    first.end()
    second = Instance(home, prefix=machine('second').prefix)
    began = time.monotonic()
    assert second.sql('select x from t') == '17'
    assert time.monotonic() - began < 10  # less than three periods of a lease
    assert second.file('lease.json')['host'] == 'second'
    second.stop()


@needs_root
def test_a_paused_machine_that_wakes_after_a_takeover_writes_nothing(folder: Path, machine: Machines) -> None:
    volume = folder / 'volume'
    home = volume / 'home'
    # A file system that several machines may have: its type is not among those of one kernel.
    first_machine = machine('first', setup=f'mkdir {volume}; mount -t ramfs none {volume}')
    first = Instance(home, prefix=first_machine.prefix)
    first.sql('create table t (x int)')
    other = machine('second', boot_id='another-boot', inside=first_machine)
    other.hide_locks(home)
    insert = 'do $$ begin loop insert into t select generate_series(1, 100); commit; end loop; end $$'
    psql = [*first.prefix, str(postgres_bin() / 'psql'), '-Xq', '-d', first.ensure(), '-c', insert]
    writer = subprocess.Popen(psql, stderr=subprocess.DEVNULL)
    wait_until(lambda: first.sql('select count(*) > 1000 from t') == 't')
    first_machine.signal(signal.SIGSTOP)
    paused = first_machine.processes()

    second = Instance(home, prefix=other.prefix)
    count = second.sql('insert into t values (-1); checkpoint; select count(*) from t')
    assert int(count) > 1000
    assert second.sql('select count(*) from t where x = -1') == '1'
    pgdata = other.root / str(home / 'pgdata').lstrip('/')
    files = {(file.stat().st_dev, file.stat().st_ino) for file in pgdata.rglob('*') if file.is_file()}
    opened = [os.stat(fd) for pid in paused for fd in Path(f'/proc/{pid}/fd').iterdir() if fd.exists()]
    assert not files & {(file.st_dev, file.st_ino) for file in opened}
    address = json.loads((pgdata.parent / 'server.json').read_text())

    first_machine.signal(signal.SIGCONT)
    wait_until(lambda: not first_machine.processes(), 60)
    writer.send_signal(signal.SIGCONT)  # nsenter stops with what it runs
    assert writer.wait() != 0
    assert second.sql('select count(*) from t') == count
    assert json.loads((pgdata.parent / 'server.json').read_text()) == address
    assert second.stop() == 'stopped'
    checked = other.run(postgres_bin() / 'pg_checksums', '--check', '-D', home / 'pgdata')
    assert checked.returncode == 0, checked.stderr


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


# ---- what an earlier server left ------------------------------------------------------------------------------------


def test_a_stale_process_number_of_another_program_does_not_stop_the_start(instance: Instance) -> None:
    instance.ensure()
    instance.stop()
    lines = [str(os.getpid()), str(instance.home / 'pgdata'), '1', '5432', '', '', '', 'ready']
    (instance.home / 'pgdata' / 'postmaster.pid').write_text('\n'.join(lines) + '\n')
    (instance.home / 'server.json').write_text(json.dumps({'pid': os.getpid(), 'socket_dir': '/tmp'}))
    assert instance.sql('select 1') == '1'


def test_kills_while_a_server_recovers_lose_nothing(instance: Instance) -> None:
    instance.sql('create table t (x int, y text)')
    instance.sql("alter system set max_wal_size = '2GB'")
    instance.sql("insert into t select i, repeat('x', 300) from generate_series(1, 300000) i")
    os.kill(instance.server_pid(), signal.SIGKILL)
    os.kill(instance.postmaster_pid(), signal.SIGKILL)
    for _ in range(4):
        begun = instance.log().count('redo starts')
        starter = instance.start_process('--print-conninfo')
        wait_until(lambda begun=begun: instance.log().count('redo starts') > begun)
        victims = [json.loads((instance.home / 'lease.json').read_text())['pid'], instance.postmaster_pid()]
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        starter.communicate()
    assert instance.log().count('redo starts') > instance.log().count('redo done')
    assert instance.sql('select count(*), count(distinct x) from t') == '300000|300000'


# ---- disks and folders ----------------------------------------------------------------------------------------------


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


def test_a_home_that_cannot_be_written_says_so(folder: Path) -> None:
    message = Instance(Path('/proc/intarsia')).refused()
    assert "'/proc/intarsia'" in message
    assert 'INTARSIA_HOME' in message


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


# ---- users ----------------------------------------------------------------------------------------------------------


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


# ---- disks and folders -----------------------------------------------------------------------------------------------

FILL_UP = """
import os, time
import intarsia as pxt
t = pxt.get_table('t')
def write():
    t.insert([{'id': i, 's': os.urandom(500).hex()} for i in range(2_000)])
def read():
    for _ in range(100):  # while a server that ended for want of space starts again
        try:
            return t.count()
        except pxt.Error:
            time.sleep(0.1)
    return t.count()
acknowledged, refused = read(), 0
def check():
    # Of a write that was refused nothing or all is there, and it may go with a crash of the server.
    found = read()
    assert found % 2_000 == 0, found
    assert acknowledged <= found <= acknowledged + refused * 2_000, (found, acknowledged, refused)
for _ in range(300):
    try:
        write()
        acknowledged += 2_000
    except pxt.Error as error:
        refused += 1
        print(error)
    check()
    if refused > 3:
        break
else:
    raise AssertionError('never refused')
print('make room')
input()
for _ in range(200):
    try:
        write()
        acknowledged += 2_000
        break
    except pxt.Error as error:
        refused += 1
        time.sleep(0.1)
else:
    raise AssertionError('writes are not taken again')
check()
"""


@needs_root
@pytest.mark.parametrize('watched', [True, False], ids=['as it fills up', 'when its log cannot be written'])
def test_on_a_full_disk_writes_fail_reads_work_and_all_works_when_there_is_room(
    folder: Path, machine: Machines, watched: bool
) -> None:
    home = folder / 'home'
    small = machine('small', setup=f'mkdir {home}; mount -t tmpfs -o size=260m none {home}; chmod 700 {home}')
    made = small.python(home, "import intarsia as pxt; pxt.create_table('t', {'id': pxt.Int, 's': pxt.String})")
    assert made.returncode == 0, made.stderr
    log = small.root / str(home / 'logs' / 'server.log')[1:]
    program = subprocess.Popen(
        [*small.prefix, sys.executable, '-u', '-c', FILL_UP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'INTARSIA_HOME': str(home)},
    )
    assert program.stdin is not None
    assert program.stdout is not None
    if not watched:  # nobody stops the writes in time
        [watcher] = [pid for pid in small.processes() if Path(f'/proc/{pid}/comm').read_text() == 'intarsia-server\n']
        os.kill(watcher, signal.SIGSTOP)
        wait_until(lambda: 'pg_wal' in log.read_text() and 'No space left' in log.read_text(), 120)
        os.kill(watcher, signal.SIGCONT)
    lines = []
    while (line := program.stdout.readline()) not in ('make room\n', ''):
        lines.append(line)
    assert 'make room there' in lines[-1], lines
    assert small.run('mount', '-o', 'remount,size=900m', home).returncode == 0
    out, _ = program.communicate('\n')
    assert program.returncode == 0, out


@needs_root
def test_a_home_that_is_mounted_read_only_says_so(folder: Path, machine: Machines) -> None:
    home = folder / 'home'
    Instance(home).ensure()
    Instance(home).stop()
    reader = machine('reader', setup=f'mount --bind {home} {home}; mount -o remount,ro,bind {home}')
    message = Instance(home, prefix=reader.prefix).refused()
    assert str(home) in message
    assert 'Read-only file system' in message
    assert 'INTARSIA_HOME' in message


@pytest.mark.skipif(not ROOT, reason='becomes another user')
@pytest.mark.usefixtures('shared_program')
def test_a_home_of_somebody_else_says_whose_it_is(folder: Path) -> None:
    (folder / 'home').mkdir(0o755)
    message = Instance(folder / 'home', uid=NOBODY).refused()
    assert str(folder / 'home') in message
    assert f'user {NOBODY}' in message
    assert 'INTARSIA_HOME' in message


@needs_root
def test_without_a_writable_tmp_a_long_path_takes_other_folders_or_says_what_is_needed(
    folder: Path, machine: Machines
) -> None:
    short, long = folder / 'home', folder / ('h' * 110)
    setup = f'mkdir {short} {long} {folder}/runtime; chmod 700 {folder}/runtime; '
    setup += f'mount --bind {folder} {folder}; mount --rbind /tmp /tmp; mount -o remount,ro,bind /tmp; '
    setup += 'mount -t tmpfs -o ro none /var/tmp; mount -t tmpfs -o ro none /run'
    prefix = machine('bare', setup=setup).prefix
    for home, environment in ((short, {'XDG_RUNTIME_DIR': None}), (long, {'XDG_RUNTIME_DIR': str(folder / 'runtime')})):
        instance = Instance(home, prefix=prefix, **environment)
        assert instance.sql('select 1') == '1'
        instance.stop()
    message = Instance(long, prefix=prefix, XDG_RUNTIME_DIR=None).refused()
    assert str(long) in message
    assert 'make /tmp writable' in message
