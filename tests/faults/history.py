# SPDX-License-Identifier: Apache-2.0
"""The states that the table of the stress run has ever had, from the entries of all its versions (docs/storage.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orphans import run_sql

State = tuple[int, int]  # rows, checksum


def checksum(account: int, money: int) -> int:
    return account + money * (account % 1009 + 1)


def state_of(accounts: Iterable[int], money: Iterable[int]) -> State:
    sums = [checksum(a, m) for a, m in zip(accounts, money, strict=True)]
    return len(sums), sum(sums)


def states(home: Path, threshold: int) -> list[tuple[State, State]]:
    """Of the table, and of its rows with `threshold` of money, after each operation in the order of publishing."""
    [[table]] = run_sql(home, "select id from tables where name = 'accounts' and until is null")
    [[account], [money]] = run_sql(
        home, f"select 'c' || id from columns where table_id = {table} and name in ('id', 'money') order by position"
    )
    entries = [(f'rows_{table}', 'version', 1), (f'rows_{table}_h', 'version', 1), (f'rows_{table}_h', 'until', -1)]
    changes = ' union all '.join(
        f'select {operation} as operation, {sign} as n, {account} as account, {money} as money from {sql_table}'
        for sql_table, operation, sign in entries
    )
    weighted = 'n * (account + money * (account % 1009 + 1))'
    found = run_sql(
        home,
        f"""select sum(n), sum({weighted}), coalesce(sum(n) filter (where money >= {threshold}), 0),
              coalesce(sum({weighted}) filter (where money >= {threshold}), 0)
            from ({changes}) c join operations o on o.id = c.operation group by o.published order by o.published""",
    )
    sums = [0, 0, 0, 0]
    made = [((0, 0), (0, 0))]
    for row in found:
        sums = [total + int(change) for total, change in zip(sums, row, strict=True)]
        made.append(((sums[0], sums[1]), (sums[2], sums[3])))
    return made
