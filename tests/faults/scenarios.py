# SPDX-License-Identifier: Apache-2.0
"""One process of the fault driver: `check NAME DIRECTORY ACKNOWLEDGED` looks whether all is well, then `run NAME
DIRECTORY ACTION NTH` makes a fresh table, arms a fault, and does one operation. Prints lines for the driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image
from orphans import find_orphans

import intarsia as pxt
from intarsia import _native

FEW, MANY, BIG = 5, 300, 11_000


def rows(query: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in query.collect()]


def numbers(directory: str, n: int, **columns: Any) -> pxt.Table:
    """`n` rows with a computed column, and a filtered view with one of its own."""
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'x': pxt.Int, **columns})
    t.insert([{'id': i, 'x': i} for i in range(n)])
    t.add_computed_column(y=t.x * 2)
    pxt.create_view(f'{directory}.v', t.where(t.x % 2 == 0), additional_columns={'z': t.y + 1})
    return t


def numbers_are(directory: str, *states: list[tuple[int, int]]) -> bool:
    """The table is in one of the states, and its computed column and its view follow from it."""
    t, v = pxt.get_table(f'{directory}.t'), pxt.get_table(f'{directory}.v')
    found = rows(t.order_by(t.id).select(t.id, t.x, t.y))
    view = rows(v.order_by(v.id).select(v.id, v.x, v.z))
    assert all(y == 2 * x for _, x, y in found), found[:10]
    assert view == [(i, x, 2 * x + 1) for i, x, _ in found if x % 2 == 0], view[:10]
    plain = [(i, x) for i, x, _ in found]
    assert plain in states, f'{len(plain)} rows: {plain[:10]}'
    return plain == states[-1]


def pictures(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'image': pxt.Image | None})
    t.add_computed_column(small=t.image.resize((8, 8)))
    return t


def pictures_are(directory: str, *states: list[int]) -> bool:
    t = pxt.get_table(f'{directory}.t')
    found = rows(t.order_by(t.id).select(t.id, t.small))
    assert all(image.size == (8, 8) for _, image in found)
    ids = [i for i, _ in found]
    assert ids in states, ids
    return ids == states[-1]


def initial(n: int) -> list[tuple[int, int]]:
    return [(i, i) for i in range(n)]


def picture() -> PIL.Image.Image:
    return PIL.Image.new('RGB', (16, 16), (200, 10, 10))


def has_column(directory: str, n: int) -> bool:
    t = pxt.get_table(f'{directory}.t')
    if 'w' not in t.columns():
        assert t.count() == n
        return False
    assert rows(t.order_by(t.id).select(t.w)) == [(i * 2 + 5,) for i in range(n)]
    return True


def has_view(directory: str, n: int) -> bool:
    if f'{directory}/u' not in pxt.list_tables(directory):
        return False
    u = pxt.get_table(f'{directory}.u')
    assert rows(u.order_by(u.id).select(u.id, u.w)) == [(i, i * 2 + 5) for i in range(n // 2, n)]
    return True


def create_second_view(t: pxt.Table, n: int) -> None:
    directory = t.get_metadata()['path'].rpartition('/')[0]
    pxt.create_view(f'{directory}.u', t.where(t.id >= n // 2), additional_columns={'w': t.y + 5})


@dataclass
class Scenario:
    """`check` gives whether the operation was done, and raises when the state is neither that before nor that after."""

    prepare: Callable[[str], pxt.Table]
    run: Callable[[pxt.Table], Any]
    check: Callable[[str], bool]


def new_rows(n: int) -> list[dict[str, int]]:
    return [{'id': FEW + i, 'x': i} for i in range(n)]


SCENARIOS = {
    'insert few': Scenario(
        lambda d: numbers(d, FEW),
        lambda t: t.insert(new_rows(4)),
        lambda d: numbers_are(d, initial(FEW), initial(FEW) + [(FEW + i, i) for i in range(4)]),
    ),
    'insert many': Scenario(
        lambda d: numbers(d, FEW),
        lambda t: t.insert(new_rows(MANY)),
        lambda d: numbers_are(d, initial(FEW), initial(FEW) + [(FEW + i, i) for i in range(MANY)]),
    ),
    'insert pictures': Scenario(
        pictures,
        lambda t: t.insert([{'id': i, 'image': picture()} for i in range(3)]),
        lambda d: pictures_are(d, [], [0, 1, 2]),
    ),
    'update': Scenario(
        lambda d: numbers(d, FEW),
        lambda t: t.update({'x': t.x + 1}, where=t.id > 0),
        lambda d: numbers_are(d, initial(FEW), [(i, i + (i > 0)) for i in range(FEW)]),
    ),
    'update many': Scenario(
        lambda d: numbers(d, MANY),
        lambda t: t.update({'x': t.x + 1}),
        lambda d: numbers_are(d, initial(MANY), [(i, i + 1) for i in range(MANY)]),
    ),
    'delete': Scenario(
        lambda d: numbers(d, MANY),
        lambda t: t.delete(t.id >= FEW),
        lambda d: numbers_are(d, initial(MANY), initial(FEW)),
    ),
    'add column in place': Scenario(
        lambda d: numbers(d, MANY), lambda t: t.add_computed_column(w=t.y + 5), lambda d: has_column(d, MANY)
    ),
    'add column to many': Scenario(
        lambda d: numbers(d, BIG), lambda t: t.add_computed_column(w=t.y + 5), lambda d: has_column(d, BIG)
    ),
    'create view': Scenario(
        lambda d: numbers(d, BIG), lambda t: create_second_view(t, BIG), lambda d: has_view(d, BIG)
    ),
}


def check(name: str, directory: str, acknowledged: bool) -> None:
    pxt.resume()
    done = SCENARIOS[name].check(directory)
    assert done or not acknowledged, 'an acknowledged operation is lost'
    assert not (orphans := find_orphans(Path(os.environ['INTARSIA_HOME']))), orphans
    print('checked', 'done' if done else 'not done', flush=True)
    pxt.drop_dir(directory, force=True)


def main() -> None:
    if sys.argv[1] == 'check':
        check(sys.argv[2], sys.argv[3], sys.argv[4] == 'yes')
        sys.argv[1:5] = []
    if len(sys.argv) < 2:
        return
    _, _, name, directory, action, nth = sys.argv
    pxt.create_dir(directory)
    scenario = SCENARIOS[name]
    t = scenario.prepare(directory)
    print('prepared', flush=True)
    _native.arm_fault(action, int(nth))
    try:
        scenario.run(t)
    except pxt.Error as error:
        print('failed', type(error).__name__, str(error).replace('\n', ' '), flush=True)
        os._exit(0)
    print('passed', _native.fault_points_passed(), flush=True)
    os._exit(0)  # as abruptly as a killed one


if __name__ == '__main__':
    main()
