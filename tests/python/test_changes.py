# SPDX-License-Identifier: Apache-2.0
"""update and delete: what they change, what follows from it, and what others see."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

import intarsia as pxt
import udfs_of_tests
from intarsia import ErrorCode, exceptions


def rows(query: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in query.collect()]


def texts(cells: list[tuple[Any, ...]]) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in cells]


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(
        f'{directory}.t', {'id': pxt.Int, 's': pxt.String | None, 'f': pxt.Float | None, 'j': pxt.Json | None}
    )
    t.insert([{'id': i, 's': f's{i}', 'f': i / 2, 'j': {'a': i}} for i in range(6)])
    t.add_computed_column(twice=t.id * 2)
    t.add_computed_column(more=t.twice + 1)
    return t


# ---- update ----


def test_values_and_expressions(t: pxt.Table) -> None:
    status = t.update({'s': 'new', 'f': 3, 'j': {'b': [1]}}, where=t.id == 1)
    assert (status.num_rows, status.updated_cols) == (1, ['t.s', 't.f', 't.j'])
    assert rows(t.where(t.id == 1).select(t.s, t.f, t.j)) == [('new', 3.0, {'b': [1]})]
    t.update({'s': t.s + '!', 'f': t.id, 'j': None}, where=t.id >= 4)
    assert rows(t.where(t.id >= 4).select(t.s, t.f, t.j)) == [('s4!', 4.0, None), ('s5!', 5.0, None)]
    assert t.update({'f': None}).row_count_stats.upd_rows == 6
    assert rows(t.select(t.f)) == [(None,)] * 6


def test_expressions_see_the_row_as_it_was(t: pxt.Table) -> None:
    t.update({'id': t.twice, 'f': t.id + 0.5}, where=t.id == 3)
    assert rows(t.where(t.id == 6).select(t.id, t.f, t.twice, t.more)) == [(6, 3.5, 12, 13)]


def test_computed_columns_follow(t: pxt.Table) -> None:
    status = t.update({'id': t.id + 10}, where=t.id < 2)
    assert status.updated_cols == ['t.id', 't.twice', 't.more']
    assert status.row_count_stats == (0, 0, 2, 0, 4)
    assert rows(t.order_by(t.id).select(t.id, t.twice, t.more))[-2:] == [(10, 20, 21), (11, 22, 23)]


def test_only_what_depends_is_computed_again(t: pxt.Table) -> None:
    t.add_computed_column(seen=udfs_of_tests.counted(t.id))
    udfs_of_tests.calls.clear()
    assert t.update({'s': 'x'}).num_computed_values == 0
    assert t.update({'id': 7}, where=t.id == 5).num_computed_values == 3
    assert udfs_of_tests.calls == [7]


def test_without_cascade_computed_columns_stay(t: pxt.Table) -> None:
    assert t.update({'id': 50}, where=t.id == 2, cascade=False).updated_cols == ['t.id']
    assert rows(t.where(t.id == 50).select(t.twice, t.more)) == [(4, 5)]


def test_an_error_in_a_computed_column_stays_in_its_cell(t: pxt.Table) -> None:
    t.delete(t.id == 0)
    t.add_computed_column(inverse=udfs_of_tests.reciprocal(t.id))
    status = t.update({'id': 0}, where=t.id == 4)
    assert (status.num_excs, status.cols_with_excs) == (1, ['t.inverse'])
    assert rows(t.where(t.id == 0).select(t.inverse, t.inverse.errortype)) == [(None, 'ZeroDivisionError')]
    t.update({'id': 4}, where=t.id == 0)
    assert rows(t.where(t.id == 4).select(t.inverse, t.inverse.errortype)) == [(0.25, None)]


def test_conditions_with_functions_of_users(t: pxt.Table) -> None:
    assert t.update({'s': 'udf'}, where=udfs_of_tests.double(t.id) == 6).num_rows == 1
    assert rows(t.where(t.s == 'udf').select(t.id)) == [(3,)]
    assert t.delete(udfs_of_tests.double(t.id) > 6).num_rows == 2
    assert rows(t.select(t.id)) == [(0,), (1,), (2,), (3,)]


def test_of_a_query(t: pxt.Table) -> None:
    assert t.where(t.id > 1).where(t.id < 4).update({'s': 'q'}).num_rows == 2
    assert t.where(t.s == 'q').delete().num_rows == 2
    with pytest.raises(exceptions.RequestError, match='`update` after `limit`'):
        t.limit(1).update({'s': 'x'})
    with pytest.raises(exceptions.RequestError, match='`delete` after `select`'):
        t.select(t.id).delete()


@pytest.mark.parametrize(
    ('values', 'code', 'words'),
    [
        ({'twice': 1}, ErrorCode.UNSUPPORTED_OPERATION, ["'twice'", 'computed']),
        ({'zz': 1}, ErrorCode.COLUMN_NOT_FOUND, ["'zz'", 'id, s, f, j']),
        ({'id': None}, ErrorCode.UNSUPPORTED_OPERATION, ["'id'", 'None']),
        ({'s': 5}, ErrorCode.TYPE_MISMATCH, ["'s'", '5']),
        ({'id': 3.5}, ErrorCode.TYPE_MISMATCH, ["'id'", '3.5']),
        ({}, ErrorCode.INVALID_ARGUMENT, ['empty']),
        ({7: 1}, ErrorCode.INVALID_ARGUMENT, ['7']),
    ],
)
def test_bad_values_are_refused(t: pxt.Table, values: dict[str, Any], code: ErrorCode, words: list[str]) -> None:
    before = rows(t.select())
    with pytest.raises(exceptions.Error) as caught:
        t.update(values)
    assert caught.value.error_code is code
    assert all(word in str(caught.value) for word in words)
    assert rows(t.select()) == before


def test_values_that_do_not_fit_are_refused_as_a_whole(t: pxt.Table) -> None:
    with pytest.raises(exceptions.RequestError, match="column 's'"):
        t.update({'s': t.id})
    t.update({'j': {'a': 'x'}}, where=t.id == 3)
    before = rows(t.select())
    with pytest.raises(exceptions.RequestError, match='row 3'):
        t.update({'id': t.j.a.astype(pxt.Int) + 1})
    assert rows(t.select()) == before
    assert t.count() == 6


def test_bad_conditions_are_refused(t: pxt.Table) -> None:
    for where in (True, 'id = 1', lambda: True):
        with pytest.raises(exceptions.RequestError, match='`where` is an expression'):
            t.update({'s': 'x'}, where=where)  # type: ignore[arg-type]
        with pytest.raises(exceptions.RequestError, match='`where` is an expression'):
            t.delete(where)  # type: ignore[arg-type]
    with pytest.raises(exceptions.RequestError, match='`Bool`'):
        t.delete(t.id)
    assert t.count() == 6


def test_what_matches_nothing_makes_no_version(t: pxt.Table) -> None:
    version = t.get_metadata()['version']
    assert t.update({'s': 'x'}, where=t.id == 99).num_rows == 0
    assert t.delete(t.id == 99).num_rows == 0
    assert t.get_metadata()['version'] == version


def test_history_tells(t: pxt.Table) -> None:
    t.update({'s': 'x'}, where=t.id < 2)
    t.delete(t.id == 5)
    newest = t.get_versions(2)
    assert [(v['change_type'], v['updates'], v['deletes']) for v in newest] == [('data', 0, 1), ('data', 2, 0)]


def test_a_primary_key_stays_unique(directory: str) -> None:
    t = pxt.create_table(f'{directory}.k', {'k': pxt.Int, 's': pxt.String | None}, primary_key='k')
    t.insert([{'k': 1}, {'k': 2}])
    with pytest.raises(exceptions.Error):
        t.update({'k': 1}, where=t.k == 2)
    t.update({'k': t.k + 10})
    assert rows(t.select(t.k)) == [(11,), (12,)]


def test_media(directory: str, tmp_path: Path) -> None:
    for name, size in (('a', 5), ('b', 7)):
        PIL.Image.new('RGB', (size, size)).save(tmp_path / f'{name}.png')
    t = pxt.create_table(f'{directory}.m', {'k': pxt.Int, 'image': pxt.Image | None})
    t.insert([{'k': 1, 'image': str(tmp_path / 'a.png')}, {'k': 2, 'image': None}])
    t.add_computed_column(width=t.image.width)
    t.add_computed_column(turned=t.image.rotate(90))
    t.update({'image': tmp_path / 'b.png'}, where=t.k == 1)
    t.update({'image': PIL.Image.new('RGB', (9, 3))}, where=t.k == 2)
    assert rows(t.select(t.k, t.width)) == [(1, 7), (2, 9)]
    assert [image.size for image in t.collect()['turned']] == [(7, 7), (9, 3)]
    with pytest.raises(exceptions.RequestError, match='nope'):
        t.update({'image': '/nope.png'})
    t.update({'image': None})
    assert rows(t.select(t.image, t.width)) == [(None, None)] * 2


# ---- views ----


def test_filtered_views_let_rows_in_and_out(t: pxt.Table, directory: str) -> None:
    view = pxt.create_view(f'{directory}.v', t.where(t.id > 2), additional_columns={'w': t.s + '!'})
    above = pxt.create_view(f'{directory}.w', view.where(view.id > 4), additional_columns={'c': t.twice})
    status = t.update({'id': t.id + 10}, where=t.id < 2)
    assert status.cascade_row_count_stats.ins_rows == 4
    assert rows(view.order_by(view.id).select(view.id, view.w)) == [
        (3, 's3!'),
        (4, 's4!'),
        (5, 's5!'),
        (10, 's0!'),
        (11, 's1!'),
    ]
    assert rows(above.order_by(above.id).select(above.id, above.c)) == [(5, 10), (10, 20), (11, 22)]
    t.update({'s': 'x'}, where=t.id == 5)
    assert rows(above.where(above.id == 5).select(above.w)) == [('x!',)]
    status = t.update({'id': 1}, where=t.id == 10)
    assert status.cascade_row_count_stats.del_rows == 2
    t.update({'id': 12}, where=t.id == 1)  # in again
    assert rows(above.order_by(above.id).select(above.id, above.w, above.c)) == [
        (5, 'x!', 10),
        (11, 's1!', 22),
        (12, 's0!', 24),
    ]
    assert t.delete(t.id > 10).cascade_row_count_stats.del_rows == 4
    assert rows(above.select(above.id)) == [(5,)]


def test_frames_follow_their_video(directory: str, video: Callable[[str], str]) -> None:
    t = pxt.create_table(f'{directory}.videos', {'k': pxt.Int, 'video': pxt.Video, 'name': pxt.String})
    t.insert([{'k': i, 'video': video('bigbuckbunny'), 'name': f'n{i}'} for i in range(2)])
    frames = pxt.create_view(
        f'{directory}.frames', t, iterator=pxt.functions.video.frame_iterator(t.video, num_frames=4)
    )
    frames.add_computed_column(size=frames.frame.width)
    frames.add_computed_column(label=frames.name + '!')
    assert frames.count() == 8
    status = t.update({'name': 'new'}, where=t.k == 0)
    assert status.cascade_row_count_stats == (0, 0, 4, 0, 4)
    assert rows(frames.where(frames.k == 0).select(frames.label, frames.pos)) == [('new!', i) for i in range(4)]
    other = video('bikes')
    status = t.update({'video': other}, where=t.k == 1)
    assert (status.cascade_row_count_stats.ins_rows, status.cascade_row_count_stats.del_rows) == (4, 4)
    sizes = rows(frames.order_by(frames.k, frames.pos).select(frames.size, frames.frame.width))
    assert len(sizes) == 8
    assert all(stored == now for stored, now in sizes)
    assert len(set(sizes)) == 2
    assert t.delete(t.k == 0).cascade_row_count_stats.del_rows == 4
    assert frames.count() == 4


def test_views_are_changed_through_their_base(t: pxt.Table, directory: str) -> None:
    view = pxt.create_view(f'{directory}.v', t.where(t.id > 2))
    with pytest.raises(exceptions.RequestError, match=r"those of its base '.*t'"):
        view.update({'s': 'x'})
    with pytest.raises(exceptions.RequestError, match=r"those of its base '.*t'"):
        view.delete()


# ---- at the same time ----


_INCREMENT = """
import intarsia as pxt, sys
t = pxt.get_table(sys.argv[1])
for i in range(int(sys.argv[2])):
    t.update({'n': t.n + 1}, where=t.id == i % 3)
"""


def test_updates_of_many_processes_and_threads_are_not_lost(directory: str) -> None:
    t = pxt.create_table(f'{directory}.n', {'id': pxt.Int, 'n': pxt.Int})
    t.insert([{'id': i, 'n': 0} for i in range(3)])
    t.add_computed_column(double=t.n * 2)
    view = pxt.create_view(f'{directory}.v', t.where(t.n >= 10))
    others = [
        subprocess.Popen([sys.executable, '-c', _INCREMENT, f'{directory}/n', '30'], env=os.environ.copy())
        for _ in range(3)
    ]

    def increment() -> None:
        for i in range(30):
            t.update({'n': t.n + 1}, where=t.id == i % 3)

    threads = [threading.Thread(target=increment) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait() for other in others] == [0, 0, 0]
    assert rows(t.order_by(t.id).select(t.n, t.double)) == [(60, 120)] * 3
    assert view.count() == 3


def test_updates_while_a_column_and_a_view_fill(directory: str) -> None:
    n = 12_000
    t = pxt.create_table(f'{directory}.big', {'id': pxt.Int, 'x': pxt.Int})
    t.insert([{'id': i, 'x': i} for i in range(n)])
    handle = pxt.get_table(f'{directory}.big')
    done = threading.Event()
    failures: list[BaseException] = []

    def fill() -> None:
        try:
            handle.add_computed_column(y=udfs_of_tests.double(handle.x))
            pxt.create_view(
                f'{directory}.even', handle.where(handle.x % 2 == 0), additional_columns={'z': handle.x + 1}
            )
        except BaseException as failure:
            failures.append(failure)
        done.set()

    thread = threading.Thread(target=fill)
    thread.start()
    generator = random.Random(7)
    changed = 0
    while not done.is_set():
        at = generator.randrange(n)
        t.update({'x': t.x + 1}, where=(t.id >= at) & (t.id < at + 50))
        t.delete(t.id == generator.randrange(n))
        changed += 1
    thread.join()
    assert not failures
    assert changed > 0
    for _, x, y in rows(t.select(t.id, t.x, t.y)):
        assert y == 2 * x
    even = pxt.get_table(f'{directory}.even')
    want = [(i, x, x + 1) for i, x in rows(t.order_by(t.id).select(t.id, t.x)) if x % 2 == 0]
    assert rows(even.order_by(even.id).select(even.id, even.x, even.z)) == want


def test_a_slow_query_sees_one_version(directory: str) -> None:
    n = 5000
    t = pxt.create_table(f'{directory}.q', {'id': pxt.Int, 'x': pxt.Int})
    t.insert([{'id': i, 'x': 0} for i in range(n)])
    seen: list[int] = []

    @pxt.udf
    def look(x: int) -> int:
        if len(seen) == 10:  # in the middle of the first batch
            t.update({'x': 1})
            t.delete(t.id % 2 == 0)
            t.insert([{'id': n, 'x': 2}])
        seen.append(x)
        return x

    assert t.select(x=look(t.x)).collect()['x'] == [0] * n
    assert t.select(t.x).collect()['x'] == [1] * (n // 2) + [2]


# ---- against a model ----


def as_of(place: str, table: int) -> str:
    """The live and ended entries of a table after the operation at `place`."""
    later = f'(select id from operations where published > {place})'
    entries = f'select row_id, {{columns}} from rows_{table}{{history}} where version not in {later}'
    return f"""({entries.format(columns='{columns}', history='')} union all
                {entries.format(columns='{columns}', history='_h')} and until in {later})"""


def test_random_changes_against_a_model(directory: str, sql: Callable[[str], list[list[str]]]) -> None:
    """A table with a computed column, a filtered view, and one on that; in the end, every version from the history."""
    generator = random.Random(20)
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'a': pxt.Int, 's': pxt.String | None})
    t.add_computed_column(b=t.a * 3)
    view = pxt.create_view(f'{directory}.v', t.where(t.a % 2 == 0), additional_columns={'c': t.b + t.id})
    above = pxt.create_view(f'{directory}.w', view.where(view.c > 20), additional_columns={'d': view.c - 1})
    model: dict[int, tuple[int, str | None]] = {}
    next_id = 0
    versions: list[tuple[str, list[list[str]], list[list[str]]]] = []
    for _ in range(int(os.environ.get('INTARSIA_TEST_STEPS', '60'))):
        kind = generator.choice(['insert', 'update', 'update', 'shift', 'delete'])
        low = generator.randrange(next_id + 1)
        high = low + generator.randrange(10)
        chosen = [i for i in model if low <= i < high]
        where = (t.id >= low) & (t.id < high)
        if kind == 'insert':
            new = [
                {'id': next_id + k, 'a': generator.randrange(20), 's': f's{k}'}
                for k in range(generator.randrange(1, 9))
            ]
            t.insert(new)
            model.update({row['id']: (row['a'], row['s']) for row in new})
            next_id += len(new)
        elif kind == 'update':
            value = generator.randrange(20)
            assert t.update({'a': value}, where=where).row_count_stats.upd_rows == len(chosen)
            model.update({i: (value, model[i][1]) for i in chosen})
        elif kind == 'shift':
            t.update({'a': t.a + 1, 's': None}, where=where)
            model.update({i: (model[i][0] + 1, None) for i in chosen})
        else:
            assert t.delete(where).row_count_stats.del_rows == len(chosen)
            for i in chosen:
                del model[i]
        assert rows(t.order_by(t.id).select(t.id, t.a, t.s, t.b)) == [
            (i, a, s, 3 * a) for i, (a, s) in sorted(model.items())
        ]
        even = [(i, a, 3 * a + i) for i, (a, s) in sorted(model.items()) if a % 2 == 0]
        assert rows(view.order_by(view.id).select(view.id, view.a, view.c)) == even
        assert rows(above.order_by(above.id).select(above.id, above.d)) == [(i, c - 1) for i, _, c in even if c > 20]
        [[place]] = sql('select max(published) from operations')
        versions.append((place, [[str(i), str(a), str(3 * a)] for i, (a, _) in sorted(model.items())], texts(even)))
    [[table], [v]] = sql(
        f"select id from tables where directory_path(directory_id) = '{directory}' and name in ('t', 'v') order by id"
    )
    columns = dict(sql(f'select name, id from columns where table_id in ({table}, {v})'))
    base = f'c{columns["id"]}, c{columns["a"]}, c{columns["b"]}'
    for place, want, want_even in versions:
        of_base = as_of(place, int(table)).format(columns=base)
        assert sql(f'select {base} from {of_base} t order by 1') == want
        of_view = as_of(place, int(v)).format(columns=f'c{columns["c"]}')
        assert (
            sql(f"""select c{columns['id']}, c{columns['a']}, c{columns['c']} from {of_base} t
                    join {of_view} v using (row_id) order by 1""")
            == want_even
        )
