#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Latency of single-row inserts and point queries, alone and while other processes write and read the same table.

usage: latency.py [--peer-python PATH] [--seconds 10] [--writers 8] [--readers 8]

One line of JSON per implementation, state and operation: p50, p99 and the longest, in milliseconds. With --peer-python
also of pixeltable in that interpreter, in turn, on a home of its own. The program of one implementation alone:
latency.py --impl intarsia|pixeltable.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

ROWS = 10_000


def quantile(seconds: list[float], share: float) -> float:
    return round(sorted(seconds)[int(share * (len(seconds) - 1))] * 1000, 2)


def prepare(pxt: Any) -> None:
    t = pxt.create_table('items', {'id': pxt.Int, 'x': pxt.Int})
    t.insert([{'id': i, 'x': i} for i in range(ROWS)])
    t.add_computed_column(y=t.x * 2)
    pxt.create_view('even', t.where(t.x % 2 == 0))


def measure(pxt: Any, seconds: float, state: dict[str, Any]) -> None:
    t = pxt.get_table('items')
    generator = random.Random(1)

    def insert() -> None:
        number = ROWS + generator.randrange(1_000_000_000)
        t.insert([{'id': number, 'x': number}])

    def query() -> None:
        number = generator.randrange(ROWS)
        assert len(t.where(t.id == number).select(t.id, t.y).collect()) == 1

    operations: dict[str, Callable[[], None]] = {'single-row insert': insert, 'point query': query}
    for name, operation in operations.items():
        operation()
        waits, failures = [], 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            try:
                operation()
            except Exception:
                failures += 1
                if os.environ.get('LATENCY_RAISES'):
                    raise
            waits.append(time.monotonic() - begin)
        figures = {'p50_ms': quantile(waits, 0.5), 'p99_ms': quantile(waits, 0.99), 'longest_ms': quantile(waits, 1)}
        print(json.dumps(state | {'name': name, 'n': len(waits), 'failures': failures} | figures), flush=True)


def load(pxt: Any, role: str, seed: int) -> None:
    """Inserts and updates, or reads, until it or who began it is ended. What is refused is left."""
    t = pxt.get_table('items')
    generator = random.Random(seed)
    print('ready', flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            if role == 'read':
                t.where(t.id < 1000).select(t.id, t.y).collect()
            elif generator.random() < 0.5:
                t.insert([{'id': ROWS + generator.randrange(1_000_000_000), 'x': 1} for _ in range(100)])
            else:
                low = generator.randrange(ROWS)
                t.update({'x': t.x + 1}, where=(t.id >= low) & (t.id < low + 5))
        except Exception:
            time.sleep(0.01)


def run(options: argparse.Namespace) -> None:
    pxt = importlib.import_module(options.impl)
    if options.load:
        return load(pxt, options.load, options.seed)
    prepare(pxt)
    state = {'implementation': options.impl, 'state': 'alone'}
    measure(pxt, options.seconds, state)
    roles = ['write'] * options.writers + ['read'] * options.readers
    processes = []
    for seed, role in enumerate(roles):
        command = [sys.executable, __file__, '--impl', options.impl, '--load', role, '--seed', str(seed)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        with_load = f'with {options.writers} writers and {options.readers} readers'
        measure(pxt, options.seconds, state | {'state': with_load})
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--impl', choices=('intarsia', 'pixeltable'))
    parser.add_argument('--peer-python', default='', help='an interpreter that has pixeltable')
    parser.add_argument('--seconds', type=float, default=10, help='of each measurement')
    parser.add_argument('--writers', type=int, default=8)
    parser.add_argument('--readers', type=int, default=8)
    parser.add_argument('--load', choices=('write', 'read'), help=argparse.SUPPRESS)
    parser.add_argument('--seed', type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.impl:
        return run(options)
    pairs = [(sys.executable, 'intarsia')] + ([(options.peer_python, 'pixeltable')] if options.peer_python else [])
    for python, implementation in pairs:
        with tempfile.TemporaryDirectory(prefix='latency-', ignore_cleanup_errors=True) as home:
            words = [f'--{name}={getattr(options, name)}' for name in ('seconds', 'writers', 'readers')]
            environment = {
                **os.environ,
                'INTARSIA_HOME': home,
                'PIXELTABLE_HOME': home,
                'INTARSIA_VERBOSITY': '0',
                'PIXELTABLE_VERBOSITY': '0',
            }
            command = [python, __file__, '--impl', implementation, *words]
            subprocess.run(command, env=environment, check=True)
            if implementation == 'intarsia':
                from intarsia import _native

                _native.stop_server([('home', home)])


if __name__ == '__main__':
    main()
