# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL servers of others, by db_url: every version, a role without superuser, what refuses and what is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from external_servers import NEWEST, PACKAGES, Server

HERE = Path(__file__).parent
DRIVER = HERE.parent / 'faults' / 'driver.py'


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers with the database `app`; they end with the test."""
    servers: list[Server] = []

    def start(major: int = NEWEST, settings: str = '', **database: Any) -> Server:
        servers.append(Server(major, settings))
        return servers[-1].init().start().add_database(**database)

    yield start
    for server in servers:
        server.close()


class Client:
    """Programs with a home of their own on an external server."""

    def __init__(self, folder: Path, url: str, **environment: str) -> None:
        self.environment = {
            **os.environ,
            'INTARSIA_HOME': str(folder / 'home'),
            'INTARSIA_DB_URL': url,
            'INTARSIA_TEST_CALLS': str(folder / 'calls'),
            'PYTHONPATH': str(HERE),
            **environment,
        }

    def start(self, *words: Any) -> subprocess.Popen[str]:
        command = [sys.executable, *map(str, words)]
        return subprocess.Popen(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *words: Any) -> str:
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == 0, out[-3000:] + err[-3000:]
        return out

    def error(self, code: str = 'pxt.list_tables()') -> str:
        """The message of the error that the code gives."""
        program = f'import intarsia as pxt\ntry:\n    {code}\nexcept pxt.Error as error:\n    print(error)'
        message = self.run('-c', program)
        assert message, 'there is no error'
        return message


@pytest.mark.parametrize('major', [*PACKAGES, NEWEST])
def test_every_version_does_everything_for_a_role_without_superuser(
    serve: Callable[..., Server],
    tmp_path: Path,
    major: int,
    video: Callable[[str], str],
    photograph: Callable[[str], str],
) -> None:
    server = serve(major, owns_schema_only=major % 2 == 1)
    client = Client(tmp_path, server.url())
    client.run(HERE / 'workload_on_a_server.py', video('carphone_pristine'), photograph('rocket.jpg'))
    assert server.sql('show server_version_num')[0][0].startswith(str(major))
    only = ['insert few', 'insert pictures', 'update', 'add column to many', 'create table', 'drop directory']
    faults = ['--homes', '1', '--actions', 'kill,cut,fail,backend', '--only', ','.join(only)]
    print(client.run(DRIVER, *faults, '--random', os.environ.get('INTARSIA_TEST_FAULTS', '12'), '--seed', major))


def test_what_cannot_be_helped_by_waiting_is_said_at_once(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()

    def message(url: str) -> str:
        text = Client(tmp_path, url).error()
        assert 'geheim' not in text
        assert 'wrong-secret' not in text
        assert 'tried for' not in text
        return text

    wrong = message(server.url(password='wrong-secret'))
    assert '28P01' in wrong
    assert f'127.0.0.1:{server.port}' in wrong
    assert 'check the user and the password' in wrong
    missing = message(server.url(database='nothing'))
    assert "database 'nothing'" in missing
    assert 'create the database' in missing
    assert 'put the password' in message(f'postgresql://app@127.0.0.1:{server.port}/app')
    assert 'no connection string' in message('postgresql://app:wrong-secret@[::1/app')
    server.sql("create database old encoding 'LATIN1' template template0 owner app", 'postgres')
    assert 'needs UTF8' in message(server.url(database='old'))
    server.sql('create role other login', 'postgres')
    server.sql('create database others', 'postgres')
    refused = message(server.url(database='others'))
    assert 'CREATE on database' in refused
    assert 'create schema intarsia authorization' in refused
    server.sql('alter role app set default_transaction_read_only = on', 'postgres')
    assert 'takes no writes' in message(server.url())


def test_a_server_that_is_not_there_is_tried_for_a_while(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    server.stop()
    client = Client(tmp_path, server.url(), INTARSIA_DB_RETRY_SECONDS='5')
    begin = time.monotonic()
    message = client.error()
    assert time.monotonic() - begin >= 5
    assert f"database 'app' at 127.0.0.1:{server.port} as user 'app'" in message
    assert 'tried for 5 s' in message
    assert 'geheim' not in message
    waiting = Client(tmp_path, server.url()).start(
        '-c', 'import intarsia as pxt; pxt.create_dir("d"); print(pxt.list_dirs())'
    )
    time.sleep(1)
    server.start()
    out, err = waiting.communicate()
    assert out == "['d']\n", err


def test_too_many_sessions_are_waited_for(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    server.sql('alter role app connection limit 0', 'postgres')
    message = Client(tmp_path, server.url()).error()
    assert '53300' in message
    assert 'max_connections' in message
    waiting = Client(tmp_path, server.url()).start('-c', 'import intarsia as pxt; print(pxt.list_dirs())')
    time.sleep(1)
    server.sql('alter role app connection limit -1', 'postgres')
    assert waiting.communicate()[0] == '[]\n'
