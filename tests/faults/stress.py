# SPDX-License-Identifier: Apache-2.0
"""Many processes write, read, fill columns, change the schema and are killed; in the end their accounts must add up.

    python tests/faults/stress.py --seconds 60 --writers 8 --readers 8

Every row of 'bank.accounts' is an account; a transfer is one update that adds to one account what it takes from
another, so that every committed version has the same total. Inserts bring accounts with nothing on them, deletes take
away only those. Every read is noted as (rows, checksum) and must be one of the states that history.py finds in the
entries of all versions, and none older than the one before. 'bank.big' is filled, column after column, while rows are
inserted.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import history

import intarsia as pxt
from intarsia import _native

ACCOUNTS, MONEY = 40, 1000
BIG = 40_000


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def quantile(seconds: list[float], share: float) -> float:
    return round(sorted(seconds)[int(share * (len(seconds) - 1))] * 1000, 2) if seconds else 0.0


def say_waits(kind: str, waits: list[float]) -> None:
    say(
        kind=kind,
        n=len(waits),
        p50=quantile(waits, 0.5),
        p99=quantile(waits, 0.99),
        longest=quantile(waits, 1),
        retries=_native.publish_retries(),
    )


def transfer(t: pxt.Table, generator: random.Random) -> None:
    a, b = generator.sample(range(ACCOUNTS), 2)
    amount = generator.randrange(1, 50)
    change = amount * (t.id == a).astype(pxt.Int) - amount * (t.id == b).astype(pxt.Int)
    t.update({'money': t.money + change}, where=(t.id == a) | (t.id == b))


class Writer:
    """Says what it begins and what was acknowledged, since it may be killed at any time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generator = random.Random(seed)
        self.accounts = pxt.get_table('bank.accounts')
        self.big = pxt.get_table('bank.big')
        self.serial = 0

    def insert(self) -> None:
        n = self.generator.randrange(1, 200)
        say(begin='inserted', n=n)
        self.accounts.insert([{'id': 1000 + self.generator.randrange(100_000), 'money': 0} for _ in range(n)])
        say(done='inserted', n=n)

    def insert_big(self) -> None:
        first = self.seed * 1_000_000 + self.serial
        self.serial += self.generator.choice((1, 10, 300))
        ids = [first, first + self.serial - first % 1_000_000]
        say(begin='big', ids=ids)
        self.big.insert([{'id': i, 'x': i} for i in range(*ids)])
        say(done='big', ids=ids)

    def delete(self) -> None:
        low = 1000 + self.generator.randrange(100_000)
        t = self.accounts
        say(begin='deleted', n=1 << 40)  # as many as there may be
        say(done='deleted', n=t.delete((t.id >= low) & (t.id < low + 5000)).num_rows)

    def run(self, end: float) -> None:
        kinds: dict[str, Callable[[], None]] = {
            'update': lambda: transfer(self.accounts, self.generator),
            'insert': self.insert,
            'insert into what is filled': self.insert_big,
            'delete': self.delete,
        }
        waits: dict[str, list[float]] = {kind: [] for kind in kinds}
        while time.time() < end:
            [kind] = self.generator.choices(list(kinds), (5, 2, 2, 1))
            begin = time.monotonic()
            kinds[kind]()
            waits[kind].append(time.monotonic() - begin)
        for kind, times in waits.items():
            say_waits(kind, times)


def read(seed: int, end: float) -> None:
    """Says each state that it saw, of the table and of the view in turn."""
    t, v = pxt.get_table('bank.accounts'), pxt.get_table('bank.rich')
    waits = []
    while time.time() < end:
        begin = time.monotonic()
        found = t.select(t.id, t.money, t.double).collect()
        waits.append(time.monotonic() - begin)
        say(saw=[0, *history.state_of(found['id'], found['money'])])
        assert sum(found['money']) == ACCOUNTS * MONEY, f'the total is {sum(found["money"])}'
        assert all(d == 2 * m for m, d in zip(found['money'], found['double'], strict=True))
        found = v.select(v.id, v.money, v.more).collect()
        say(saw=[1, *history.state_of(found['id'], found['money'])])
        assert all(w == m + 1 for m, w in zip(found['money'], found['more'], strict=True))
    say_waits('read', waits)


def change_schema(seed: int, end: float) -> None:
    t = pxt.get_table('bank.accounts')
    waits = []
    while time.time() < end:
        begin = time.monotonic()
        n = len(waits)
        t.add_computed_column(**{f'extra{n}': t.money * n})
        pxt.create_view(f'bank.view{n}', t.where(t.money > n), additional_columns={'e': t.money + n})
        v = pxt.get_table(f'bank.view{n}')
        assert all(row['e'] == row['money'] + n for row in v.select(v.money, v.e).collect())
        pxt.drop_table(f'bank.view{n}')
        waits.append(time.monotonic() - begin)
        time.sleep(0.3)
    say_waits('schema', waits)


def fill(seed: int, end: float) -> None:
    """Whoever is killed has a successor, which finishes what was begun."""
    import fault_udfs

    say(resumed=pxt.resume())
    t = pxt.get_table('bank.big')
    while time.time() < end:
        column = f'f{sum(name.startswith("f") for name in t.columns())}'
        begin = time.monotonic()
        t.add_computed_column(**{column: fault_udfs.slow_double(t.x)}, if_exists='ignore')
        say(filled=column, seconds=round(time.monotonic() - begin, 2))


class Team:
    """Processes of one role; what they say goes to files. Those that are killed have successors."""

    def __init__(self, folder: Path, end: float) -> None:
        self.folder, self.end, self.serial = folder, end, 0
        self.running: list[tuple[str, subprocess.Popen[str]]] = []
        self.problems: list[str] = []
        self.kills = 0

    def start(self, role: str) -> None:
        self.serial += 1
        with open(self.folder / f'{role}.{self.serial}', 'w') as out:
            command = [sys.executable, __file__, '--role', role, '--seed', str(self.serial), '--end', str(self.end)]
            errors = open(self.folder / f'errors.{self.serial}', 'w')  # noqa: SIM115
            process = subprocess.Popen(command, stdout=out, stderr=errors, text=True)
        self.running.append((role, process))

    def kill(self, index: int) -> None:
        role, process = self.running[index]
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGKILL)
        process.wait()
        del self.running[index]
        self.kills += 1
        self.start(role)

    def wait(self) -> None:
        for _, process in self.running:
            process.wait()
        for number in range(1, self.serial + 1):
            text = (self.folder / f'errors.{number}').read_text()
            if text:
                self.problems.append(text[-2000:])

    def said(self, role: str) -> list[list[dict[str, Any]]]:
        """Lines of each process of the role; one that was killed may have left half a line."""
        files = sorted(self.folder.glob(f'{role}.*'))
        lines = [path.read_text().splitlines(keepends=True) for path in files]
        return [[json.loads(line) for line in some if line.endswith('\n')] for some in lines]


def prepare() -> None:
    pxt.create_dir('bank')
    t = pxt.create_table('bank.accounts', {'id': pxt.Int, 'money': pxt.Int})
    t.insert([{'id': i, 'money': MONEY} for i in range(ACCOUNTS)])
    t.insert([{'id': 1000 + i, 'money': 0} for i in range(12_000)])
    t.add_computed_column(double=t.money * 2)
    pxt.create_view('bank.rich', t.where(t.money >= MONEY), additional_columns={'more': t.money + 1})
    big = pxt.create_table('bank.big', {'id': pxt.Int, 'x': pxt.Int})
    big.insert([{'id': i, 'x': i} for i in range(BIG)])


def check_totals(team: Team) -> list[str]:
    """What was acknowledged has happened, and what happened was begun."""
    said = [line for lines in team.said('write') for line in lines]
    versions = pxt.get_table('bank.accounts').get_versions()
    problems = []
    for kind, field, before in (('inserted', 'inserts', ACCOUNTS + 12_000), ('deleted', 'deletes', 0)):
        happened = sum(version[field] for version in versions) - before
        done = sum(line['n'] for line in said if line.get('done') == kind)
        begun = sum(line['n'] for line in said if line.get('begin') == kind)
        say(**{kind: happened, 'acknowledged': done})
        if not done <= happened <= begun:
            problems.append(f'{happened} rows were {kind}, {done} acknowledged, {begun} begun')
    return problems


def check_filled(team: Team) -> list[str]:
    """Rows that were inserted while columns were filled are there once, whole or not at all, and computed."""
    at_end = pxt.resume()
    t = pxt.get_table('bank.big')
    columns = [name for name in t.columns() if name.startswith('f')]
    found = t.collect()
    ids = sorted(found['id'])
    said = [line for lines in team.said('write') for line in lines]
    done = [i for line in said if line.get('done') == 'big' for i in range(*line['ids'])]
    begun = {i for line in said if line.get('begin') == 'big' for i in range(*line['ids'])}
    problems = []
    if len(set(ids)) != len(ids) or not {*range(BIG), *done} <= set(ids) <= {*range(BIG), *begun}:
        problems.append(f'{len(ids)} rows, {len(set(ids))} of them different; {len(done)} inserts were acknowledged')
    for name in columns:
        wrong = [i for i, f in zip(found['id'], found[name], strict=True) if f != 2 * i]
        if wrong:
            problems.append(f'column {name} is wrong in {len(wrong)} rows, of ids {wrong[:5]}')
    fills = sum('filled' in line for lines in team.said('fill') for line in lines)
    resumed = sum(line.get('resumed', 0) for lines in team.said('fill') for line in lines)
    say(columns_filled=len(columns), fills_not_killed=fills, fills_resumed=resumed + at_end, rows=len(ids))
    return problems


def check_history(team: Team, home: Path) -> list[str]:
    """Each state that a reader saw is one of the versions', and no older than what it saw before."""
    states = history.states(home, MONEY)
    places: list[dict[tuple[int, int], list[int]]] = [{}, {}]
    for place, both in enumerate(states):
        for which, state in enumerate(both):
            places[which].setdefault(state, []).append(place)
    problems, seen = [], 0
    for number, lines in enumerate(team.said('read')):
        last = 0
        for which, *state in (line['saw'] for line in lines if 'saw' in line):
            seen += 1
            known = places[which].get((state[0], state[1]), [])
            later = [place for place in known if place >= last]
            if not later:
                problems.append(f'reader {number} saw {state} of {which}: {"it went back" if known else "no version"}')
                break
            last = later[0]
    say(reads_checked=seen, versions=len(states))
    return problems


def report_waits(team: Team) -> None:
    lines = [line for role in ('write', 'read', 'schema') for said in team.said(role) for line in said if 'p50' in line]
    retries = sum(
        max((line['retries'] for line in said if 'retries' in line), default=0) for said in team.said('write')
    )
    for kind in dict.fromkeys(line['kind'] for line in lines):
        of_kind = [line for line in lines if line['kind'] == kind and line['n'] > 0]
        if of_kind:
            middle = sorted(line['p50'] for line in of_kind)[len(of_kind) // 2]
            say(
                kind=kind,
                n=sum(line['n'] for line in of_kind),
                p50_ms=middle,
                p99_ms=max(line['p99'] for line in of_kind),
                longest_ms=max(line['longest'] for line in of_kind),
            )
    say(kills=team.kills, publishes_retried_by_surviving_writers=retries)


def main(options: argparse.Namespace, home: Path) -> int:
    prepare()
    folder = home / 'said'
    folder.mkdir()
    generator = random.Random(options.seed)
    team = Team(folder, time.time() + options.seconds)
    for role, n in (('read', options.readers), ('schema', 1), ('write', options.writers), ('fill', 1)):
        for _ in range(n):
            team.start(role)
    while time.time() < team.end - 2:
        time.sleep(1 / options.kills)
        roles = [role for role, _ in team.running]
        victims = [i for i, role in enumerate(roles) if role == ('fill' if generator.random() < 0.2 else 'write')]
        team.kill(generator.choice(victims[-max(1, len(victims) // 2) :]))  # some writers live to the end
    team.wait()
    report_waits(team)
    problems = team.problems + check_totals(team) + check_filled(team) + check_history(team, home)
    t = pxt.get_table('bank.accounts')
    total = sum(t.select(t.money).collect()['money'])
    if total != ACCOUNTS * MONEY:
        problems.append(f'in the end the total is {total}')
    operations = len(t.get_versions()) + len(pxt.get_table('bank.big').get_versions())
    say(operations=operations, rows=t.count(), problems=len(problems))
    for problem in problems:
        print('PROBLEM', problem)
    return 1 if problems else 0


ROLES: dict[str, Callable[[int, float], None]] = {
    'write': lambda seed, end: Writer(seed).run(end),
    'read': read,
    'schema': change_schema,
    'fill': fill,
}

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--writers', type=int, default=8)
    parser.add_argument('--readers', type=int, default=8)
    parser.add_argument('--kills', type=float, default=0.5, help='processes killed a second')
    parser.add_argument('--seed', type=int, default=3)
    parser.add_argument('--role', choices=list(ROLES), help=argparse.SUPPRESS)
    parser.add_argument('--end', type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ['INTARSIA_VERBOSITY'] = '0'
    if options.role:
        ROLES[options.role](options.seed, options.end)
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix='intarsia-stress-', ignore_cleanup_errors=True) as home:
        os.environ['INTARSIA_HOME'] = home
        status = main(options, Path(home))
        _native.stop_server([('home', home)])
    sys.exit(status)
