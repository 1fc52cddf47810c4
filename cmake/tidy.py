# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the C++ files, those that passed before and did not change since left out.

A file is checked again when what the compiler sees of it changes: the preprocessed text is hashed, with .clang-tidy,
and the hash is kept in build/tidy.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build'
PASSED = BUILD / 'tidy'


def arguments(entry: dict[str, str]) -> list[str]:
    """The compile command without the compiler, the output and what only GCC can read: the precompiled header."""
    words = shlex.split(entry['command'])
    kept: list[str] = []
    skip = 0
    for i, word in enumerate(words[1:], 1):
        if skip:
            skip -= 1
        elif word in ('-o', '-c'):
            skip = 1
        elif word == '-include' and 'cmake_pch' in words[i + 1]:
            skip = 1
            kept += ['-include', str(ROOT / 'src/precompiled.h')]
        elif word not in ('-Winvalid-pch', '-Werror') and not word.endswith(('g++', 'c++')):
            kept.append(word)
    return kept


def check(entry: dict[str, str]) -> tuple[str, str]:
    """The file's name and what clang-tidy has against it."""
    flags = arguments(entry)
    source = entry['file']
    seen = subprocess.run(['g++', *flags, '-E', '-P', source], capture_output=True, cwd=entry['directory'])
    key = hashlib.sha256(seen.stdout + (ROOT / '.clang-tidy').read_bytes()).hexdigest()
    mark = PASSED / key
    if seen.returncode == 0 and mark.exists():
        return source, ''
    tidy = ['clang-tidy', '--quiet', source, '--', *flags, '-Wno-everything']
    done = subprocess.run(tidy, capture_output=True, text=True, cwd=entry['directory'])
    if done.returncode == 0:
        mark.touch()
        return source, ''
    return source, done.stdout + done.stderr


def main() -> int:
    PASSED.mkdir(exist_ok=True)
    entries = json.loads((BUILD / 'compile_commands.json').read_text())
    ours = {e['file']: e for e in entries if not e['file'].startswith(str(BUILD)) and str(ROOT) in e['file']}
    ours = {file: e for file, e in ours.items() if '/.venv/' not in file}
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, complaint in pool.map(check, ours.values()):
            if complaint:
                failed += 1
                print(f'{os.path.relpath(source, ROOT)}:\n{complaint}')
    print(f'clang-tidy: {len(ours)} files, {failed} with findings')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
