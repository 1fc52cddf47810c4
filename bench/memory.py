#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of a process that does large jobs under a small memory_limit: one line of JSON per step.

usage: memory.py [--only rows,frames] [--rows N] [--times K] [--limit 256MB] [--budget MB]

rows:   N rows through insert, a computed column, a sort in the engine, collect by cursor, a view with a filter and a
        column of its own, an update that moves rows into the view and out of it, and a delete.
frames: a video that is the sample K times over through a view of all its frames, whose thumbnails are stored.
Each job is one process. A step's peak is VmHWM, set back before it; where control groups can be made, the job runs in
one whose limit is the budget. Ends with 1 when a step needs more than the budget.
PostgreSQL's processes are not counted. The budget is above the limit by what Python, Arrow and the libraries are.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import installed


def repeated_video(times: int, folder: pathlib.Path) -> pathlib.Path:
    """The sample video `times` times over, its packets copied."""
    path = folder / 'long.mp4'
    loop = ['-stream_loop', str(times - 1), '-i', installed.video(), '-an', '-c', 'copy', str(path)]
    subprocess.run(['ffmpeg', '-v', 'error', '-y', *loop], check=True)
    return path


def peak_mb() -> float:
    with open('/proc/self/status') as status:
        [line] = [line for line in status if line.startswith('VmHWM')]
    return round(int(line.split()[1]) / 1000, 1)


def step(name: str, work: Callable[[], Any]) -> None:
    pathlib.Path('/proc/self/clear_refs').write_text('5')  # VmHWM begins again
    begin = time.perf_counter()
    n = work()
    say = {'name': name, 'n': n, 'seconds': round(time.perf_counter() - begin, 2), 'peak_mb': peak_mb()}
    print(json.dumps(say), flush=True)


def rows_of(n: int) -> Iterator[dict[str, Any]]:
    for i in range(n):
        yield {'id': i, 'x': i * 7919 % n, 'f': i / 3, 's': f'row {i} of a table that is larger than memory'}


def rows_job(n: int) -> None:
    import intarsia as pxt

    @pxt.udf
    def folded(x: int) -> int:
        return x % 1000

    t = pxt.create_table('rows', {'id': pxt.Int, 'x': pxt.Int, 'f': pxt.Float, 's': pxt.String})
    step('insert', lambda: t.insert(rows_of(n)).num_rows)
    step('add computed column', lambda: t.add_computed_column(y=t.s.upper()).num_rows)
    ordered = t.order_by(folded(t.x)).select(t.id, t.y)
    step('sort in the engine, by cursor', lambda: sum(1 for _ in ordered.cursor()))
    step('collect by cursor', lambda: sum(1 for _ in t.cursor()))
    step('create filter view', lambda: pxt.create_view('odd', t.where(t.x % 2 == 1)).count())
    v = pxt.get_table('odd')
    step('add computed column to view', lambda: v.add_computed_column(z=v.x + 1).num_rows)
    step('update half, with the view', lambda: t.update({'x': t.x + 1}, where=t.id % 2 == 0).num_rows)
    step('delete half, with the view', lambda: t.delete(t.id % 2 == 1).num_rows)


def frames_job(video: str) -> None:
    import intarsia as pxt
    from intarsia.functions.video import frame_iterator

    t = pxt.create_table('videos', {'video': pxt.Video})
    v = pxt.create_view('frames', t, iterator=frame_iterator(t.video))
    v.add_computed_column(small=v.frame.resize((160, 90)))
    step('insert a long video, storing thumbnails', lambda: t.insert([{'video': video}]).num_rows)
    step('add a second thumbnail', lambda: v.add_computed_column(tiny=v.frame.resize((32, 18))).num_rows)
    step('thumbnails by cursor', lambda: sum(row['small'].width > 0 for row in v.select(v.small).cursor()))
    step('frames by cursor', lambda: sum(row['w'] for row in v.select(w=v.frame.width - v.frame.width + 1).cursor()))


def control_group(name: str, budget: int) -> pathlib.Path | None:
    """One below this process' own, with a limit; None where that is not allowed."""
    own = {
        line.split(':')[1]: line.strip().split(':')[2]
        for line in pathlib.Path('/proc/self/cgroup').read_text().splitlines()
    }
    root, limit = (
        (f'/sys/fs/cgroup/memory{own["memory"]}', 'memory.limit_in_bytes')
        if 'memory' in own
        else (f'/sys/fs/cgroup{own.get("", "")}', 'memory.max')
    )
    group = pathlib.Path(root, name)
    try:
        group.mkdir()
        (group / limit).write_text(str(budget * 1_000_000))
        return group
    except OSError:
        if group.is_dir():
            group.rmdir()
        return None


def run(job: str, argument: str, options: argparse.Namespace, home: str) -> bool:
    """Reports a job's steps; whether each stayed within the budget."""
    group = control_group(f'intarsia-{job}-{os.getpid()}', options.budget)
    environment = os.environ | {
        'INTARSIA_HOME': home,
        'INTARSIA_VERBOSITY': '0',
        'INTARSIA_MEMORY_LIMIT': options.limit,
    }
    enter = f'echo $$ > {group}/cgroup.procs; ' if group else ''
    command = ['sh', '-c', f'{enter}exec "$@"', 'sh', sys.executable, __file__, '--job', job, '--argument', argument]
    within = True
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            row = json.loads(line)
            within &= row['peak_mb'] <= options.budget
            row |= {'job': job, 'within_budget': row['peak_mb'] <= options.budget, 'control_group': group is not None}
            print(json.dumps(row), flush=True)
    if group:
        group.rmdir()
    return within and process.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='rows,frames')
    parser.add_argument('--rows', type=int, default=5_000_000)
    parser.add_argument('--times', type=int, default=100)
    parser.add_argument('--limit', default='256MB', help='memory_limit')
    parser.add_argument('--budget', type=int, default=400, help='megabytes')
    parser.add_argument('--job', help=argparse.SUPPRESS)
    parser.add_argument('--argument', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        rows_job(int(options.argument)) if options.job == 'rows' else frames_job(options.argument)
        return 0
    installed.use_one_postgresql()
    good = True
    with tempfile.TemporaryDirectory(prefix='intarsia-memory-', ignore_cleanup_errors=True) as folder:
        home = os.path.join(folder, 'home')
        os.environ['INTARSIA_HOME'] = home
        import intarsia as pxt

        pxt.init()  # the server, outside of the jobs' control groups
        if 'rows' in options.only:
            good &= run('rows', str(options.rows), options, home)
        if 'frames' in options.only:
            good &= run('frames', str(repeated_video(options.times, pathlib.Path(folder))), options, home)
        from intarsia import _native

        _native.stop_server([('home', home)])
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
