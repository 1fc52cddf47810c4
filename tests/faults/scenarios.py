# SPDX-License-Identifier: Apache-2.0
"""One process of the fault driver: `check NAME DIRECTORY ACKNOWLEDGED` looks whether all is well, then `run NAME
DIRECTORY ACTION NTH` makes a fresh table, arms a fault, and does one operation. Prints lines for the driver.
`die DIRECTORY WHAT NTH` is a process that dies in the midst, and leaves work to be resumed or discarded."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fault_udfs
import PIL.Image
from orphans import find_orphans

import intarsia as pxt
from intarsia import _native
from intarsia.functions.video import frame_iterator

FEW, MANY, BIG = 5, 300, 11_000
CALLS = 60
FRAMES = 8  # of the driver's sample video


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


def frames(directory: str, videos: int) -> pxt.Table:
    """Videos with a view of their frames, stored thumbnails, and a filtered view of these."""
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'title': pxt.String, 'video': pxt.Video})
    v = pxt.create_view(f'{directory}.v', t, iterator=frame_iterator(t.video))
    v.add_computed_column(small=v.frame.resize((16, 12)))
    v.add_computed_column(label=v.title + '!')
    pxt.create_view(f'{directory}.w', v.where(v.pos < 2), additional_columns={'turned': v.small.rotate(90)})
    t.insert(some_videos(0, videos))
    return t


def some_videos(begin: int, end: int) -> list[dict[str, Any]]:
    return [{'id': i, 'title': f'video {i}', 'video': os.environ['INTARSIA_TEST_VIDEO']} for i in range(begin, end)]


def frames_are(directory: str, *states: list[tuple[int, str]]) -> bool:
    """The videos are in one of the states, given by (id, title); each has its frames, thumbnails and derived views."""
    t, v, w = (pxt.get_table(f'{directory}.{name}') for name in 'tvw')
    found = rows(t.order_by(t.id).select(t.id, t.title))
    made = rows(v.order_by(v.id, v.pos).select(v.id, v.pos, v.label, v.small))
    assert [row[:3] for row in made] == [(i, pos, f'{title}!') for i, title in found for pos in range(FRAMES)], made[
        :10
    ]
    assert all(small.size == (16, 12) for *_, small in made)
    turned = rows(w.order_by(w.id, w.pos).select(w.id, w.pos, w.turned))
    assert [row[:2] for row in turned] == [(i, pos) for i, _ in found for pos in range(2)], turned[:10]
    assert all(image.size == (16, 12) for *_, image in turned)
    assert found in states, found
    return found == states[-1]


def titles(begin: int, end: int, title: str = 'video') -> list[tuple[int, str]]:
    return [(i, f'{title} {i}') for i in range(begin, end)]


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
    pxt.create_view(f'{directory_of(t)}.u', t.where(t.id >= n // 2), additional_columns={'w': t.y + 5})


def directory_of(t: pxt.Table) -> str:
    return t.get_metadata()['path'].rpartition('/')[0]


def has_frame_view(directory: str) -> bool:
    if f'{directory}/u' not in pxt.list_tables(directory):
        return False
    u = pxt.get_table(f'{directory}.u')
    made = rows(u.order_by(u.id, u.pos).select(u.id, u.pos, u.tiny))
    assert [row[:2] for row in made] == [(i, pos) for i in range(2) for pos in range(FRAMES)]
    assert all(tiny.size == (8, 6) for *_, tiny in made)
    return True


def add_frame_view(t: pxt.Table) -> None:
    base = pxt.get_table(f'{directory_of(t)}.v')
    pxt.create_view(
        f'{directory_of(t)}.u', base.where(base.pos >= 0), additional_columns={'tiny': base.frame.resize((8, 6))}
    )


def has_tiny(directory: str) -> bool:
    v = pxt.get_table(f'{directory}.v')
    if 'tiny' not in v.columns():
        return False
    assert {tiny.size for (tiny,) in rows(v.select(v.tiny))} == {(8, 6)}
    return True


def add_tiny(t: pxt.Table) -> None:
    v = pxt.get_table(f'{directory_of(t)}.v')
    v.add_computed_column(tiny=v.frame.resize((8, 6)))


def exists(directory: str, name: str, n: int) -> bool:
    """Whether there is such a table, which then has n rows."""
    if f'{directory}/{name}' not in pxt.list_tables(directory):
        return False
    assert pxt.get_table(f'{directory}.{name}').count() == n
    return True


def remains(directory: str, name: str, n: int) -> bool:
    return not exists(directory, name, n)


def create_another(t: pxt.Table) -> None:
    pxt.create_table(
        f'{directory_of(t)}.new', {'id': pxt.Int, 'image': pxt.Image | None, 'array': pxt.Array[pxt.Float, (3,)]}
    )


def has_directories(directory: str) -> bool:
    """All of them or none: parents are made in one operation."""
    assert pxt.get_table(f'{directory}.t').count() == FEW
    found = pxt.list_dirs(directory)
    assert found in ([], [f'{directory}/a', f'{directory}/a/b']), found
    return bool(found)


def lacks_subdirectory(directory: str) -> bool:
    found = pxt.get_dir_contents(directory)
    whole = ([f'{directory}/sub'], [f'{directory}/sub/t', f'{directory}/sub/v', f'{directory}/t'])
    assert (found['dirs'], sorted(found['tables'])) in (([], [f'{directory}/t']), whole), found
    return not found['dirs']


def nested(directory: str) -> pxt.Table:
    pxt.create_dir(f'{directory}.sub')
    numbers(f'{directory}.sub', FEW)
    return pxt.create_table(f'{directory}.t', {'id': pxt.Int})


def paying(directory: str, function: Any, n: int) -> pxt.Table:
    """A table with `n` rows whose column is computed by calls that are counted."""
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'x': pxt.Int})
    if n == 0:
        t.add_computed_column(p=function(t.x))
    else:
        t.insert([{'id': i, 'x': fresh(i)} for i in range(n)])
    return t


def fresh(i: int) -> int:
    """An argument that no earlier run has paid for."""
    return int(os.environ['INTARSIA_TEST_RUN']) * 1000 + i


def new_payments() -> list[dict[str, int]]:
    return [{'id': i, 'x': fresh(i)} for i in range(CALLS)]


def paid(directory: str, function: Any) -> bool:
    """Does what was not done, and then counts: each call that had ended but those of the last moment is made once."""
    t = pxt.get_table(f'{directory}.t')
    done = 'p' in t.columns() and t.count() == CALLS
    if t.count() == 0:
        t.insert(new_payments())
    if 'p' not in t.columns():
        t.add_computed_column(p=function(t.x))
    assert rows(t.order_by(t.id).select(t.id, t.p)) == [(i, fresh(i) * 10) for i in range(CALLS)]
    lines = Path(os.environ['INTARSIA_TEST_CALLS']).read_text().splitlines()
    ended = sum(line.startswith('end') for line in lines)
    began = len(lines) - ended
    assert {int(line.split()[1]) for line in lines} == {fresh(i) for i in range(CALLS)}
    in_flight = began - ended
    most = CALLS + (128 if function is fault_udfs.paid_async else MOST_TWICE)
    assert ended <= most, f'{ended} calls ended, {in_flight} in flight died, {CALLS} were needed'
    return done


MOST_TWICE = (
    13  # of calls that had ended: those of a fiftieth of a second, which is 2 ms each, and those whose keeping broke
)


def die(what: str, nth: int) -> Callable[[str], pxt.Table]:
    """Leaves a table at which another process died."""

    def prepare(directory: str) -> pxt.Table:
        numbers(directory, BIG if what == 'fill' else FEW) if what != 'pictures' else pictures(directory)
        done = subprocess.run([sys.executable, __file__, 'die', directory, what, str(nth)], check=False)
        assert done.returncode == -9, done.returncode
        return pxt.get_table(f'{directory}.t')

    return prepare


def dying(directory: str, what: str, nth: int) -> None:
    t = pxt.get_table(f'{directory}.t')
    _native.arm_fault('kill', nth)
    if what == 'fill':
        t.add_computed_column(w=t.y + 5)
    else:
        t.insert([{'id': i, 'image': picture()} for i in range(30)])


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
    'insert videos': Scenario(
        lambda d: frames(d, 1),
        lambda t: t.insert(some_videos(1, 3)),
        lambda d: frames_are(d, titles(0, 1), titles(0, 3)),
    ),
    'update videos': Scenario(
        lambda d: frames(d, 2),
        lambda t: t.update({'title': 'new ' + t.title, 'video': t.video}),
        lambda d: frames_are(d, titles(0, 2), titles(0, 2, 'new video')),
    ),
    'delete videos': Scenario(
        lambda d: frames(d, 3),
        lambda t: t.delete(t.id > 0),
        lambda d: frames_are(d, titles(0, 3), titles(0, 1)),
    ),
    'view of frames': Scenario(lambda d: frames(d, 2), add_frame_view, has_frame_view),
    'column of pictures': Scenario(lambda d: frames(d, 2), add_tiny, has_tiny),
    'create table': Scenario(lambda d: numbers(d, FEW), create_another, lambda d: exists(d, 'new', 0)),
    'drop table': Scenario(
        lambda d: frames(d, 1), lambda t: pxt.drop_table(t, force=True), lambda d: remains(d, 't', 1)
    ),
    'drop view': Scenario(
        lambda d: numbers(d, FEW),
        lambda t: pxt.drop_table(f'{directory_of(t)}.v'),
        lambda d: remains(d, 'v', FEW - FEW // 2),
    ),
    'create directories': Scenario(
        lambda d: numbers(d, FEW),
        lambda t: pxt.create_dir(f'{directory_of(t)}.a.b', parents=True),
        has_directories,
    ),
    'drop directory': Scenario(
        nested, lambda t: pxt.drop_dir(f'{directory_of(t)}.sub', force=True), lacks_subdirectory
    ),
    'paid insert': Scenario(
        lambda d: paying(d, fault_udfs.paid, 0),
        lambda t: t.insert(new_payments()),
        lambda d: paid(d, fault_udfs.paid),
    ),
    'paid column': Scenario(
        lambda d: paying(d, fault_udfs.paid, CALLS),
        lambda t: t.add_computed_column(p=fault_udfs.paid(t.x)),
        lambda d: paid(d, fault_udfs.paid),
    ),
    'paid async insert': Scenario(
        lambda d: paying(d, fault_udfs.paid_async, 0),
        lambda t: t.insert(new_payments()),
        lambda d: paid(d, fault_udfs.paid_async),
    ),
    'resume': Scenario(die('fill', 30), lambda t: pxt.resume(), lambda d: has_column(d, BIG)),
    'discard': Scenario(die('pictures', 40), lambda t: pxt.discard_dead(), lambda d: pictures_are(d, [])),
}


def wait_for_server() -> None:
    """It may recover for longer than a process tries to connect."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return pxt.init()
        except pxt.ServiceUnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def check(name: str, directory: str, acknowledged: bool) -> None:
    wait_for_server()
    pxt.resume()
    done = SCENARIOS[name].check(directory)
    assert done or not acknowledged, 'an acknowledged operation is lost'
    assert not (orphans := find_orphans(Path(os.environ['INTARSIA_HOME']))), orphans
    print('checked', 'done' if done else 'not done', flush=True)
    pxt.drop_dir(directory, force=True)


def name_run(directory: str) -> None:
    """Of its own: the arguments and the file of the calls that are counted."""
    number = directory.removeprefix('fault')
    os.environ['INTARSIA_TEST_RUN'] = number
    os.environ['INTARSIA_TEST_CALLS'] = os.path.join(os.environ['INTARSIA_HOME'], f'calls{number}')


def main() -> None:
    if sys.argv[1] == 'die':
        dying(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    if sys.argv[1] == 'check':
        name_run(sys.argv[3])
        check(sys.argv[2], sys.argv[3], sys.argv[4] == 'yes')
        sys.argv[1:5] = []
    if len(sys.argv) < 2:
        return
    _, _, name, directory, action, nth = sys.argv
    name_run(directory)
    wait_for_server()
    pxt.create_dir(directory)
    scenario = SCENARIOS[name]
    t = scenario.prepare(directory)
    print('prepared', flush=True)
    _native.arm_fault(action, int(nth))
    begin = time.monotonic()
    try:
        scenario.run(t)
    except pxt.Error as error:
        print('failed', type(error).__name__, str(error).replace('\n', ' '), flush=True)
        os._exit(0)
    print('passed', _native.fault_points_passed(), flush=True)
    print('seconds', time.monotonic() - begin, flush=True)
    os._exit(0)  # as abruptly as a killed one


if __name__ == '__main__':
    main()
