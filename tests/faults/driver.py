# SPDX-License-Identifier: Apache-2.0
"""Breaks something at the write points of each kind of operation, and looks at what is left.

python tests/faults/driver.py                     # a sample of the points
python tests/faults/driver.py --every 1           # every point
python tests/faults/driver.py --only update,delete --actions kill
python tests/faults/driver.py --random 500 --seed 7

What is broken (include/intarsia/testing.h): the client's process (kill), its session (cut), the server's process of the
session (backend), all of PostgreSQL (postmaster; quit), its parent (server), a write or a statement for want of space
(fail).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ACTIONS = ('kill', 'cut', 'fail', 'backend', 'quit', 'postmaster', 'server')
SERVER_ACTIONS = ('backend', 'quit', 'postmaster', 'server')  # each costs a recovery
PROGRAM = Path(__file__).with_name('scenarios.py')


@dataclass
class Report:
    runs: Counter[str] = field(default_factory=Counter)  # by action
    points: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        outcomes = ', '.join(f'{n} {what}' for what, n in sorted(self.outcomes.items()))
        actions = ', '.join(f'{n} {action}' for action, n in self.runs.items())
        return (
            f'{self.runs.total()} runs ({actions}) at {sum(self.points.values())} write points '
            f'of {len(self.points)} operations: {outcomes}; {len(self.problems)} problems'
        )


class Driver:
    """Works in a home of its own, one process after the other; several may share a report."""

    def __init__(self, home: str, number: int, report: Report) -> None:
        self.report = report
        self._environment = {
            **os.environ,
            'INTARSIA_HOME': home,
            'INTARSIA_VERBOSITY': '0',
            'INTARSIA_TEST_VIDEO': os.path.join(home, 'sample.mp4'),
        }
        self._serial = number
        self._unchecked: list[str] = []
        self._what = ''

    def process(self, *words: str) -> list[str]:
        """Lines of a process that first checks what the one before has left."""
        done = subprocess.run(
            [sys.executable, PROGRAM, *self._unchecked, *words],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )
        lines = done.stdout.splitlines()
        if self._unchecked and not any(line.startswith('checked') for line in lines):
            self.report.problems.append(f'{self._what}: {done.stderr[-1500:]}')
            self._unchecked = []
            return self.process(*words) if words else []
        self.report.outcomes.update(line.removeprefix('checked ') for line in lines if line.startswith('checked'))
        self._unchecked = []
        if words and 'prepared' not in lines:
            self.report.problems.append(f'{words}: not prepared: {done.stderr[-1500:]}')
        return lines

    def run(self, name: str, action: str, nth: int) -> int:
        """The number of points that the operation passed; 0 when it did not come to its end."""
        self._serial += 10
        directory = f'fault{self._serial}'
        self.report.runs[action] += 1
        lines = self.process('run', name, directory, action, str(nth))
        passed = [int(line.split()[1]) for line in lines if line.startswith('passed')]
        self._what = f'{name}, {action} at point {nth}'
        if 'prepared' in lines:
            self._unchecked = ['check', name, directory, 'yes' if passed else 'no']
        return passed[0] if passed else 0

    def count(self, name: str) -> int:
        self.report.points[name] = self.run(name, 'none', 0)
        return self.report.points[name]

    def finish(self) -> None:
        if self._unchecked:
            self.process()


def sample(points: int, actions: tuple[str, ...], every: int) -> Iterator[tuple[str, int]]:
    """Each action at each n-th point, every one beginning elsewhere; those on the server at a third of them."""
    for place, action in enumerate(actions):
        step = every * 3 if action in SERVER_ACTIONS and every > 1 else every
        for nth in range(1 + place * step // len(actions), points + 1, step):
            yield action, nth


def record_sample_video(path: str) -> None:
    """Eight frames."""
    picture = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=8:duration=1']
    subprocess.run(['ffmpeg', '-v', 'error', '-y', *picture, '-pix_fmt', 'yuv420p', path], check=True)


class Work:
    """Names of operations, or random runs, that threads take one after the other."""

    def __init__(self, items: list[str]) -> None:
        self._items = items
        self._lock = threading.Lock()

    def take(self) -> str | None:
        with self._lock:
            return self._items.pop(0) if self._items else None


def drive(number: int, work: Work, report: Report, options: argparse.Namespace) -> None:
    actions = tuple(options.actions.split(','))
    generator = random.Random(options.seed * 100 + number)
    with tempfile.TemporaryDirectory(prefix='intarsia-faults-', ignore_cleanup_errors=True) as home:
        driver = Driver(home, number, report)
        record_sample_video(os.path.join(home, 'sample.mp4'))
        while (name := work.take()) is not None:
            begin = time.monotonic()
            points = report.points.get(name) or driver.count(name)
            if options.random:
                driver.run(name, generator.choice(actions), generator.randrange(1, points + 1))
                continue
            for action, nth in sample(points, actions, options.every):
                driver.run(name, action, nth)
            print(
                json.dumps({'operation': name, 'points': points, 's': round(time.monotonic() - begin, 1)}), flush=True
            )
        driver.finish()
        from intarsia import _native

        _native.stop_server([('home', home)])


def main() -> int:
    from scenarios import SCENARIOS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--every', type=int, default=7, help='each n-th point')
    parser.add_argument(
        '--random', type=int, default=0, help='as many runs, with operation, action and point by chance'
    )
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', default='', help='names of operations, with commas between them')
    parser.add_argument('--actions', default=','.join(ACTIONS))
    parser.add_argument('--homes', type=int, default=2, help='instances that are broken at the same time')
    options = parser.parse_args()
    names = [name for name in options.only.split(',') if name] or list(SCENARIOS)
    if options.random:
        names = random.Random(options.seed).choices(names, k=options.random)
    report = Report()
    work = Work(names)
    threads = [threading.Thread(target=drive, args=(n, work, report, options)) for n in range(options.homes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(report.summary())
    for problem in report.problems:
        print('PROBLEM', problem)
    return 1 if report.problems else 0


if __name__ == '__main__':
    sys.exit(main())
