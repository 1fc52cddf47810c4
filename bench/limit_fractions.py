#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs intarsia-limits and the workloads in turn and prints how much of each limit the engine reaches.

usage: limit_fractions.py [--workloads PATH/workloads.py] [--build build] [--rows N] [--repeat K]

Without --workloads the limits alone are printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

import installed

# Workloads that are held against the limit of another name; all others against that of their own name, if there is one.
LIMIT_OF = {
    'insert rows (pandas)': 'insert rows (dicts)',
    'insert rows, 4 computed columns': 'insert rows (dicts)',
}


def figures(command: list[str]) -> dict[str, float]:
    """What a program reports, per second. A program that fails has said why, and what it reported before counts."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f'{command[0]} ended with {done.returncode}', file=sys.stderr)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    return {row['name']: row['per_second'] for row in rows}


def limits(options: argparse.Namespace) -> dict[str, float]:
    media = ['--video', installed.video(), '--images', *installed.images()]
    return figures([f'{options.build}/bin/intarsia-limits', '--rows', str(options.rows), *media])


def engine(options: argparse.Namespace) -> dict[str, float]:
    """Each group in a process and a home of its own, so that what one of them lacks does not end the other."""
    result: dict[str, float] = {}
    for group in ('rows', 'media') if options.workloads is not None else ():
        with tempfile.TemporaryDirectory(prefix='intarsia-fractions-', ignore_cleanup_errors=True) as home:
            arguments = ['--impl', 'intarsia', '--home', home, '--rows', str(options.rows), '--only', group]
            try:
                result |= figures([sys.executable, options.workloads, *arguments])
            finally:
                subprocess.run([f'{options.build}/bin/intarsia', '--home', home, 'stop'], stdout=subprocess.DEVNULL)
    return result


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: statistics.median(run[name] for run in runs if name in run) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--workloads')
    parser.add_argument('--build', default='build')
    parser.add_argument('--rows', type=int, default=100_000)
    parser.add_argument('--repeat', type=int, default=3)
    options = parser.parse_args()
    installed.use_one_postgresql()
    # In turn, so that a noisy machine hits both.
    runs = [(limits(options), engine(options)) for _ in range(options.repeat)]
    limit, ours = medians([run[0] for run in runs]), medians([run[1] for run in runs])
    if ours:
        print(f'{"per second":44} {"limit":>14} {"intarsia":>14} {"reached":>8}')
    for name, reached in ours.items():
        of = limit.get(LIMIT_OF.get(name, name))
        if of is not None:
            print(f'{name:44} {of:14.1f} {reached:14.1f} {reached / of:8.1%}')
    print('limits:' if not ours else 'limits of no workload:')
    for name, of in limit.items():
        if name not in ours:
            print(f'{name:44} {of:14.1f}')


if __name__ == '__main__':
    main()
