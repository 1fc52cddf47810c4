# SPDX-License-Identifier: Apache-2.0
"""The video catalog, in Python and in C++, tells the same story."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
CPP_EXAMPLE = ROOT / 'build/bin/video_catalog'


def run(command: list[object], folder: Path) -> str:
    environment = {**os.environ, 'INTARSIA_VERBOSITY': '0', 'COLUMNS': '160'}
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_catalog_computes_only_what_is_new_and_shows_the_error(tmp_path: Path) -> None:
    report = run([sys.executable, ROOT / 'examples/video_catalog.py'], tmp_path)
    came = re.search(r'(\d+) frames were there; (\d+) came, (\d+) cells computed', report)
    assert came is not None, report
    before, new, cells = map(int, came.groups())
    assert before > 0
    assert new > 0
    assert cells == 4 * new  # thumbnail, brightness, sharpness, verdict
    assert re.search(r'half\.jpg: \w+', report), report
    assert re.search(r'catalog/frames +view', report), report
    with Image.open(tmp_path / 'demo/contact_sheet.png') as sheet:
        assert sheet.width > 6 * 160
        assert len(sheet.convert('RGB').getcolors(1 << 24) or []) > 1000  # pictures, not blank cells
    assert len(report.splitlines()) <= 45  # one screen


@pytest.mark.skipif(not CPP_EXAMPLE.exists(), reason='built without INTARSIA_EXAMPLES')
def test_cpp_catalog_computes_only_what_is_new_and_shows_the_error(
    tmp_path: Path, video: Callable[[str], str], photograph: Callable[[str], str]
) -> None:
    media = [photograph('rocket.jpg'), photograph('astronaut.png'), video('bigbuckbunny'), video('bikes')]
    report = run([CPP_EXAMPLE, *media], tmp_path)
    came = re.search(r'(\d+) frames were there, (\d+) came, (\d+) cells were computed', report)
    assert came is not None, report
    before, new, cells = map(int, came.groups())
    assert before > 0
    assert new > 0
    assert cells == 4 * new
    assert 'bigbuckbunny.mp4' in report
    assert re.search(r'A broken file: .*half', report), report
