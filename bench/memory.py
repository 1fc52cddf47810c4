#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of the engine's process in two large jobs, a process for each: one line of JSON per job.

usage: memory.py [--build build] [--rows N] [--times K] [--budget MB]

rows:   inserts N rows of four columns that are made batch by batch.
frames: makes a view of all frames of a video that is the sample K times over, and stores a thumbnail of each.
Ends with 1 when a job needs more than the budget. PostgreSQL's processes are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import installed


def repeated_video(times: int, folder: pathlib.Path) -> pathlib.Path:
    """The sample video `times` times over, its packets copied."""
    path = folder / 'long.mp4'
    loop = ['-stream_loop', str(times - 1), '-i', installed.video(), '-an', '-c', 'copy', str(path)]
    subprocess.run(['ffmpeg', '-v', 'error', '-y', *loop], check=True)
    return path


def run(build: str, home: pathlib.Path, job: str, argument: str, budget: int) -> bool:
    """Reports a job; whether it stayed within the budget."""
    environment = os.environ | {'INTARSIA_HOME': str(home), 'INTARSIA_VERBOSITY': '0'}
    command = [f'{build}/bin/intarsia-memory', job, argument]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return False
    row = json.loads(done.stdout)
    within = bool(row['peak_bytes'] <= budget * 1_000_000)
    print(json.dumps(row | {'peak_mb': round(row['peak_bytes'] / 1e6, 1), 'within_budget': within}), flush=True)
    return within


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default='build')
    parser.add_argument('--rows', type=int, default=1_000_000)
    parser.add_argument('--times', type=int, default=100)
    parser.add_argument('--budget', type=int, default=300, help='megabytes')
    options = parser.parse_args()
    installed.use_one_postgresql()
    with tempfile.TemporaryDirectory(prefix='intarsia-memory-', ignore_cleanup_errors=True) as folder:
        home = pathlib.Path(folder, 'home')
        try:
            rows = run(options.build, home, 'rows', str(options.rows), options.budget)
            video = repeated_video(options.times, pathlib.Path(folder))
            frames = run(options.build, home, 'frames', str(video), options.budget)
        finally:
            subprocess.run([f'{options.build}/bin/intarsia', '--home', str(home), 'stop'], stdout=subprocess.DEVNULL)
    return 0 if rows and frames else 1


if __name__ == '__main__':
    sys.exit(main())
