# SPDX-License-Identifier: Apache-2.0
"""The embedded server, driven by its own program as a process of a user would drive it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from server_instance import NOBODY, ROOT, Instance, foreign_lease, gone, postgres_bin, wait_until


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
