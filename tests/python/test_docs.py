# SPDX-License-Identifier: Apache-2.0
"""Examples in the README and the docs run, in order, and print what the docs say; paths that they name exist."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import intarsia as pxt

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]

# A python block, and the text block that may follow it: its output.
BLOCK = re.compile(r'```python\n(?P<code>.*?)```(?:\s*```text\n(?P<output>.*?)```)?', re.DOTALL)
LINK = re.compile(r'\]\((?!http|#)([^)#]+)')


def examples(page: Path) -> list[tuple[str, str]]:
    """The page's code blocks with the output that it claims."""
    return [(m['code'], m['output'] or '') for m in BLOCK.finditer(page.read_text())]


def program(page: Path) -> str:
    """One program of all blocks; a line marks where each ends."""
    parts = [code + f'\nprint("-- block {i}")\n' for i, (code, _) in enumerate(examples(page))]
    return '\n'.join(parts)


@pytest.mark.parametrize('page', [p for p in PAGES if examples(p)], ids=lambda p: p.name)
def test_examples_print_what_the_page_says(page: Path, tmp_path: Path, video: Callable[[str], str]) -> None:
    shutil.copy(video('bigbuckbunny'), tmp_path / 'bunny.mp4')
    shutil.copy(video('bikes'), tmp_path / 'bikes.mp4')
    environment = {**os.environ, 'INTARSIA_HOME': str(tmp_path / 'home')}
    try:
        words = [sys.executable, '-c', program(page)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    finally:
        stop = [Path(sys.executable).with_name('intarsia'), '--home', tmp_path / 'home', 'stop']
        subprocess.run(stop, capture_output=True)
    assert done.returncode == 0, done.stderr
    printed = re.split(r'-- block \d+\n', done.stdout)
    for (code, output), got in zip(examples(page), printed, strict=False):
        if output:
            assert got.strip() == textwrap.dedent(output).strip(), code


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f'{page.name} links to {target}'


def test_the_map_names_every_folder() -> None:
    text = (ROOT / 'docs/architecture.md').read_text()
    for folder in sorted(p for p in (ROOT / 'src').iterdir() if p.is_dir() and any(p.iterdir())):
        assert f'src/{folder.name}' in text, f'docs/architecture.md says nothing of src/{folder.name}'


@pytest.mark.parametrize(('name', 'most'), [('README.md', 120), ('CONTRIBUTING.md', 60)])
def test_the_first_pages_stay_short(name: str, most: int) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= most


def test_versions_agree() -> None:
    match = re.search(r'project\(intarsia VERSION ([0-9.]+)', (ROOT / 'CMakeLists.txt').read_text())
    assert match is not None
    assert match[1] == pxt.__version__
