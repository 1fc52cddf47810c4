# SPDX-License-Identifier: Apache-2.0
"""Breaks something at the write points of each kind of operation, and looks at what is left.

python tests/faults/driver.py                     # a sample of the points
python tests/faults/driver.py --every 1           # every point
python tests/faults/driver.py --only update,delete --actions kill
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ACTIONS = ('kill', 'cut', 'backend', 'fail')
PROGRAM = Path(__file__).with_name('scenarios.py')


@dataclass
class Report:
    runs: int = 0
    points: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        points = sum(self.points.values())
        outcomes = ', '.join(f'{n} {what}' for what, n in sorted(self.outcomes.items()))
        return f'{self.runs} runs at {points} write points of {len(self.points)} operations: {outcomes}'


class Driver:
    def __init__(self) -> None:
        self.report = Report()
        self._serial = 0
        self._unchecked: list[str] = []

    def process(self, *words: str) -> list[str]:
        """Lines of a process that first checks what the one before has left."""
        done = subprocess.run(
            [sys.executable, PROGRAM, *self._unchecked, *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, 'INTARSIA_VERBOSITY': '0'},
        )
        lines = done.stdout.splitlines()
        if self._unchecked and not any(line.startswith('checked') for line in lines):
            self.report.problems.append(f'{self._what}: {done.stderr[-1500:]}')
            self._unchecked = []
            return self.process(*words)
        for line in lines:
            if line.startswith('checked'):
                outcome = line.removeprefix('checked ')
                self.report.outcomes[outcome] = self.report.outcomes.get(outcome, 0) + 1
        self._unchecked = []
        if words and 'prepared' not in lines:
            self.report.problems.append(f'{words}: not prepared: {done.stderr[-1500:]}')
        return lines

    def run(self, name: str, action: str, nth: int) -> int:
        """The number of points that the operation passed; 0 when it did not come to its end."""
        self._serial += 1
        directory = f'fault{self._serial}'
        self.report.runs += 1
        lines = self.process('run', name, directory, action, str(nth))
        passed = [int(line.split()[1]) for line in lines if line.startswith('passed')]
        self._what = f'{name}, {action} at point {nth}'
        self._unchecked = ['check', name, directory, 'yes' if passed else 'no']
        return passed[0] if passed else 0

    def drive(self, name: str, actions: tuple[str, ...], every: int) -> None:
        points = self.run(name, 'none', 0)
        self.report.points[name] = points
        for action in actions:
            for nth in range(1, points + 1, every):
                self.run(name, action, nth)

    def finish(self) -> Report:
        if self._unchecked:
            self.process()
        return self.report


def main() -> int:
    from scenarios import SCENARIOS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--every', type=int, default=7, help='each n-th point')
    parser.add_argument('--only', default='', help='names of operations, with commas between them')
    parser.add_argument('--actions', default=','.join(ACTIONS))
    options = parser.parse_args()
    names = [name for name in options.only.split(',') if name] or list(SCENARIOS)
    with tempfile.TemporaryDirectory(prefix='intarsia-faults-', ignore_cleanup_errors=True) as home:
        os.environ['INTARSIA_HOME'] = home
        driver = Driver()
        for name in names:
            driver.drive(name, tuple(options.actions.split(',')), options.every)
            print(name, json.dumps(driver.report.points[name]), flush=True)
        report = driver.finish()
        from intarsia import _native

        _native.stop_server([('home', home)])
    print(report.summary())
    for problem in report.problems:
        print('PROBLEM', problem)
    return 1 if report.problems else 0


if __name__ == '__main__':
    sys.exit(main())
