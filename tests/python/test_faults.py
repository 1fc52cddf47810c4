# SPDX-License-Identifier: Apache-2.0
"""Samples of the fault driver and the stress run; INTARSIA_TEST_FAULTS_EVERY=1 tries every write point."""

import os
import subprocess
import sys
from pathlib import Path

DRIVER = Path(__file__).resolve().parents[1] / 'faults' / 'driver.py'


def test_nothing_is_lost_doubled_or_left_behind_when_something_breaks() -> None:
    every = os.environ.get('INTARSIA_TEST_FAULTS_EVERY', '43')
    done = subprocess.run([sys.executable, DRIVER, '--every', every], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)


def test_many_processes_at_once() -> None:
    """INTARSIA_TEST_STRESS_SECONDS=3600 for an hour."""
    seconds = os.environ.get('INTARSIA_TEST_STRESS_SECONDS', '60')
    program = DRIVER.with_name('stress.py')
    done = subprocess.run([sys.executable, program, '--seconds', seconds], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
