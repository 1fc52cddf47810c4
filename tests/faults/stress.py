# SPDX-License-Identifier: Apache-2.0
"""Many processes write, read, change the schema and are killed, while readers check that each view is some version.

    python tests/faults/stress.py --seconds 60 --writers 8 --readers 8

Every row is an account; a transfer is one update that adds to one account what it takes from another, so that every
committed version has the same total. Inserts bring accounts with nothing on them, deletes take away only those.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

ACCOUNTS, MONEY = 40, 1000


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def quantile(seconds: list[float], share: float) -> float:
    return round(sorted(seconds)[int(share * (len(seconds) - 1))] * 1000, 2) if seconds else 0.0


def accounts() -> Any:
    import intarsia as pxt

    return pxt.get_table('bank.accounts')


def transfer(t: Any, generator: random.Random) -> str:
    a, b = generator.sample(range(ACCOUNTS), 2)
    amount = generator.randrange(1, 50)
    # +amount for a, -amount for b, in one update
    t.update(
        {'money': t.money + amount * (t.id == a).astype(int_type()) - amount * (t.id == b).astype(int_type())},
        where=(t.id == a) | (t.id == b),
    )
    return 'update'


def int_type() -> Any:
    import intarsia as pxt

    return pxt.Int


def write(seed: int, seconds: float) -> None:
    """Lines: what was acknowledged; a writer may be killed at any time."""
    generator = random.Random(seed)
    t = accounts()
    end = time.monotonic() + seconds
    waits: dict[str, list[float]] = {}
    while time.monotonic() < end:
        begin = time.monotonic()
        choice = generator.random()
        if choice < 0.6:
            kind = transfer(t, generator)
        elif choice < 0.9:
            kind = 'insert'
            t.insert(
                [{'id': 1000 + generator.randrange(100_000), 'money': 0} for _ in range(generator.randrange(1, 200))]
            )
        else:
            kind = 'delete'
            low = 1000 + generator.randrange(100_000)
            t.delete((t.id >= low) & (t.id < low + 5000))
        waits.setdefault(kind, []).append(time.monotonic() - begin)
    for kind, times in waits.items():
        say(kind=kind, n=len(times), p50=quantile(times, 0.5), p99=quantile(times, 0.99), longest=quantile(times, 1))


def read(seed: int, seconds: float) -> None:
    generator = random.Random(seed)
    t = accounts()
    end = time.monotonic() + seconds
    waits = []
    while time.monotonic() < end:
        begin = time.monotonic()
        found = t.select(t.id, t.money, t.double).collect()
        waits.append(time.monotonic() - begin)
        total = sum(found['money'])
        assert total == ACCOUNTS * MONEY, f'the total is {total} in a view of {len(found)} rows'
        assert all(d == 2 * m for m, d in zip(found['money'], found['double'], strict=True))
        rich = accounts_view(generator)
        assert all(m >= MONEY and w == m + 1 for m, w in rich)
    say(kind='read', n=len(waits), p50=quantile(waits, 0.5), p99=quantile(waits, 0.99), longest=quantile(waits, 1))


def accounts_view(generator: random.Random) -> list[tuple[int, int]]:
    import intarsia as pxt

    v = pxt.get_table('bank.rich')
    chosen = (
        v.select(v.money, v.more).collect()
        if generator.random() < 0.7
        else v.where(v.id >= 0).select(v.money, v.more).collect()
    )
    return list(zip(chosen['money'], chosen['more'], strict=True))


def change_schema(seconds: float) -> None:
    import intarsia as pxt

    t = accounts()
    end = time.monotonic() + seconds
    n = 0
    waits = []
    while time.monotonic() < end:
        begin = time.monotonic()
        name = f'extra{n}'
        t.add_computed_column(**{name: t.money * n})
        pxt.create_view(f'bank.view{n}', t.where(t.money > n), additional_columns={'e': t.money + n})
        v = pxt.get_table(f'bank.view{n}')
        assert all(row['e'] == row['money'] + n for row in v.select(v.money, v.e).collect())
        pxt.drop_table(f'bank.view{n}')
        waits.append(time.monotonic() - begin)
        n += 1
        time.sleep(0.3)
    say(kind='schema', n=n, p50=quantile(waits, 0.5), p99=quantile(waits, 0.99), longest=quantile(waits, 1))


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def main() -> int:
    import intarsia as pxt

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--writers', type=int, default=8)
    parser.add_argument('--readers', type=int, default=8)
    parser.add_argument('--kills', type=float, default=0.5, help='writers killed a second')
    options = parser.parse_args()
    pxt.create_dir('bank')
    t = pxt.create_table('bank.accounts', {'id': pxt.Int, 'money': pxt.Int})
    t.insert([{'id': i, 'money': MONEY} for i in range(ACCOUNTS)])
    t.insert([{'id': 1000 + i, 'money': 0} for i in range(12_000)])
    t.add_computed_column(double=t.money * 2)
    pxt.create_view('bank.rich', t.where(t.money >= MONEY), additional_columns={'more': t.money + 1})
    seconds = str(options.seconds)
    generator = random.Random(3)
    end = time.monotonic() + options.seconds
    steady = [start('read', str(i), seconds) for i in range(options.readers)] + [start('schema', '0', seconds)]
    writers = [start('write', str(i), seconds) for i in range(options.writers)]
    survivors = len(writers) // 2
    killed = 0
    while time.monotonic() < end:
        time.sleep(1 / options.kills)
        at = generator.randrange(survivors, len(writers))
        if writers[at].poll() is None:
            writers[at].send_signal(signal.SIGKILL)
            writers[at].communicate()
            killed += 1
            writers[at] = start('write', str(100 + killed), str(max(1.0, end - time.monotonic())))
    problems = []
    for process in steady + writers:
        out, err = process.communicate()
        for line in out.splitlines():
            print(line)
        if process.returncode != 0:
            problems.append(err[-2000:])
    found = t.select(t.money).collect()
    if sum(found['money']) != ACCOUNTS * MONEY:
        problems.append(f'in the end the total is {sum(found["money"])}')
    operations = len(t.get_versions())
    say(kind='all', operations=operations, killed=killed, rows=len(found), problems=len(problems))
    for problem in problems:
        print('PROBLEM', problem)
    return 1 if problems else 0


if __name__ == '__main__':
    if len(sys.argv) > 3 and sys.argv[1] in ('write', 'read', 'schema'):
        role, seed, seconds = sys.argv[1:4]
        if role == 'schema':
            change_schema(float(seconds))
        else:
            (write if role == 'write' else read)(int(seed), float(seconds))
        sys.exit(0)
    os.environ['INTARSIA_VERBOSITY'] = '0'
    with tempfile.TemporaryDirectory(prefix='intarsia-stress-', ignore_cleanup_errors=True) as home:
        os.environ['INTARSIA_HOME'] = home
        status = main()
        from intarsia import _native

        _native.stop_server([('home', home)])
    sys.exit(status)
