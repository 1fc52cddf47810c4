# SPDX-License-Identifier: Apache-2.0
"""Async UDFs against a rate-limited service, and CPU-bound UDFs in worker processes: what share of the limit is used,
and how much faster n processes are. Uses the fake service and the UDFs of the tests; makes an instance of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / 'tests' / 'python'
sys.path.insert(0, str(TESTS))
LIMIT, ROWS = 1200, 1200


def start_service(**options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(TESTS / 'fake_service.py'), json.dumps(options)]
    service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    os.environ['INTARSIA_TEST_SERVICE'] = service.stdout.readline().strip()
    return service


def insert_in_processes(processes: int, first: int) -> None:
    code = (
        'import sys, intarsia as pxt\n'
        't = pxt.get_table(sys.argv[1])\n'
        f'status = t.insert([{{"x": i + int(sys.argv[2])}} for i in range({ROWS // processes})])\n'
        'assert status.num_excs == 0'
    )
    running = []
    for i in range(processes):
        environment = {**os.environ, 'PYTHONPATH': str(TESTS), 'INTARSIA_TEST_CLIENT': str(i)}
        command = [sys.executable, '-c', code, f't{i}', str(first + i * ROWS)]
        running.append(subprocess.Popen(command, env=environment))
    assert [process.wait() for process in running] == [0] * processes


def paced(processes: int) -> None:
    import intarsia as pxt
    import service_udfs

    service = start_service(requests_per_minute=LIMIT, random=0.02, retry_after=1.0, latency=0.2)
    pxt.set_rate_limit('fake', requests_per_minute=LIMIT)
    for i in range(processes):
        t = pxt.create_table(f't{i}', {'x': pxt.Int}, if_exists='replace')
        t.add_computed_column(y=service_udfs.paced(t.x))
    insert_in_processes(processes, processes * 1_000_000)
    seen = asyncio.run(service_udfs.get('/stats'))
    service.communicate()
    accepted = [at for at, _, _ in seen['accepted']]
    begin, end = accepted[len(accepted) // 20], accepted[len(accepted) * 19 // 20]
    rate = 60 * sum(begin < at <= end for at in accepted) / (end - begin)
    print(
        f'{processes} process(es): {len(accepted)} calls, {seen["refused"]} refused, '
        f'{rate:.0f} of {LIMIT} requests/min ({rate / LIMIT:.1%})'
    )


def cpu_bound(rows: int) -> None:
    import intarsia as pxt
    import process_udfs

    t = pxt.create_table('cpu', {'x': pxt.Int}, if_exists='replace')
    t.insert([{'x': i} for i in range(rows)])
    t.select(y=process_udfs.spun_in_workers(t.x)).limit(4).collect()  # starts the workers
    seconds = {}
    for name, function in (('here', process_udfs.spun_here), ('workers', process_udfs.spun_in_workers)):
        begin = time.perf_counter()
        t.select(y=function(t.x)).collect()
        seconds[name] = time.perf_counter() - begin
    print(
        f'{rows} CPU-bound calls: {seconds["here"]:.2f} s in this process, {seconds["workers"]:.2f} s in 2 workers: '
        f'{seconds["here"] / seconds["workers"]:.2f} times as fast'
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ['INTARSIA_HOME'] = home
        os.environ['INTARSIA_VERBOSITY'] = '0'
        from intarsia import _native

        cpu_bound(400)
        for processes in (1, 2):
            paced(processes)
        _native.stop_server([('home', home)])


if __name__ == '__main__':
    main()
