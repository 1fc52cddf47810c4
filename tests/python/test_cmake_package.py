# SPDX-License-Identifier: Apache-2.0
"""find_package(intarsia) from an installed prefix and from the installed Python package."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which('cmake') is None, reason='needs cmake')


def build_and_run_consumer(prefix: Path, folder: Path) -> str:
    """Builds tests/cpp/consumer against the prefix; what it prints."""
    source = ROOT / 'tests/cpp/consumer'
    for command in (
        ['cmake', '-G', 'Ninja', '-S', source, '-B', folder, f'-DCMAKE_PREFIX_PATH={prefix}'],
        ['cmake', '--build', folder],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([folder / 'consumer'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_finds_the_python_package_s_library(tmp_path: Path) -> None:
    spec = find_spec('intarsia')
    assert spec is not None
    assert spec.origin is not None
    assert build_and_run_consumer(Path(spec.origin).parent, tmp_path / 'build') == 'cc:shout hello!\n'


@pytest.mark.skipif(not (ROOT / 'build/CMakeCache.txt').exists(), reason='needs the build folder')
def test_a_program_finds_an_installed_prefix(tmp_path: Path) -> None:
    prefix = tmp_path / 'prefix'
    for component in ('library', 'command'):
        install = ['cmake', '--install', ROOT / 'build', '--prefix', prefix, '--component', component]
        subprocess.run(install, check=True, capture_output=True)
    assert build_and_run_consumer(prefix, tmp_path / 'build') == 'cc:shout hello!\n'
    done = subprocess.run([prefix / 'bin/intarsia', '--version'], capture_output=True, text=True)
    assert done.stdout.startswith('intarsia '), done.stderr
