# SPDX-License-Identifier: Apache-2.0
"""Columns are added, dropped and renamed: for every handle, for views, and while others write."""

import threading
from collections.abc import Callable

import pytest

import intarsia as pxt
from intarsia.exceptions import AlreadyExistsError, ErrorCode, NotFoundError, RequestError


@pytest.fixture
def t(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'x': pxt.Int | None, 'name': pxt.String | None})
    t.insert([{'id': i, 'x': i, 'name': f'n{i}'} for i in range(5)])
    return t


def column(query: pxt.Query) -> list[object]:
    return [next(iter(row.values())) for row in query.collect()]


def changes(t: pxt.Table) -> list[str | None]:
    return [version['schema_change'] for version in t.get_versions()]


def test_a_new_column_is_null_and_then_written(t: pxt.Table) -> None:
    t.add_column(note=pxt.String | None)
    assert column(t.select(t.note)) == [None] * 5
    t.update({'note': 'n' + t.name}, where=t.id >= 3)
    t.insert([{'id': 5, 'note': 'new'}])
    assert column(t.order_by(t.id).select(t.note)) == [None, None, None, 'nn3', 'nn4', 'new']
    assert changes(t)[2] == 'Added: note'


def test_a_new_column_of_arrays_is_null_and_then_written(t: pxt.Table) -> None:
    t.add_columns({'a': pxt.Array[pxt.Float, (2,)] | None, 'b': pxt.Binary | None})
    assert changes(t)[0] == 'Added: a, b'
    t.update({'b': b'x'}, where=t.id == 1)
    t.update({'b': b'y'}, where=t.id <= 1)
    t.insert([{'id': 5, 'b': b'z'}])
    assert column(t.order_by(t.id).select(t.b)) == [b'y', b'y', None, None, None, b'z']
    assert column(t.where(t.a == None).select(t.id)) == list(range(6))  # noqa: E711


def test_new_media_columns_take_media(t: pxt.Table, photograph: Callable[[str], str]) -> None:
    t.add_columns({'image': pxt.Image | None, 'small': {'value': t.x + 1, 'comment': 'x and one'}})
    t.insert([{'id': 5, 'x': 5, 'image': photograph('rocket.jpg')}])
    assert column(t.where(t.image != None).select(t.image.width)) == [640]  # noqa: E711
    assert column(t.order_by(t.id).select(t.small)) == [1, 2, 3, 4, 5, 6]


def test_what_add_column_refuses(t: pxt.Table) -> None:
    with pytest.raises(RequestError, match="non-nullable column 'k' to a table with existing rows; make it"):
        t.add_column(k=pxt.Int)
    with pytest.raises(RequestError, match=r'exactly one keyword argument .* got 2 arguments instead \(a, b\)'):
        t.add_column(a=pxt.Int, b=pxt.Int)
    with pytest.raises(RequestError, match='did you mean add_computed_column'):
        t.add_column(a=3)
    with pytest.raises(AlreadyExistsError, match='Duplicate column name: x'):
        t.add_column(x=pxt.Int | None)
    with pytest.raises(RequestError, match='reserved'):
        t.add_column(insert=pxt.Int | None)
    with pytest.raises(RequestError, match='a primary key is declared by create_table'):
        t.add_column(k={'type': pxt.Int | None, 'primary_key': True})
    view = pxt.create_view(t.get_metadata()['path'] + '_v', t)
    with pytest.raises(RequestError, match=r'a view.*must be nullable'):
        view.add_column(k=pxt.Int)
    view.add_column(k=pxt.Int | None)
    assert column(view.select(view.k)) == [None] * 5
    assert t.columns() == ['id', 'x', 'name']


def test_an_empty_table_takes_a_column_that_is_not_nullable(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.add_column(k=pxt.Int)
    with pytest.raises(RequestError, match='k'):
        t.insert([{'id': 1}])


def test_an_existing_column_is_kept_or_gives_way(t: pxt.Table) -> None:
    t.add_columns({'x': pxt.String | None, 'y': pxt.Int | None}, if_exists='ignore')
    assert column(t.order_by(t.id).select(t.x)) == list(range(5))
    assert changes(t)[0] == 'Added: y'
    t.add_columns({'x': pxt.String | None, 'y': pxt.Int | None}, if_exists='ignore')
    assert len(changes(t)) == 3  # nothing to do is no version
    t.add_column(x=pxt.String | None, if_exists='replace')
    assert column(t.select(t.x)) == [None] * 5
    t.add_computed_column(z=t.x + '!')
    with pytest.raises(RequestError, match=r"Cannot replace column 'x' because .*\n.*\.z"):
        t.add_column(x=pxt.Int | None, if_exists='replace_force')


def test_a_dropped_column_is_gone_for_every_handle(t: pxt.Table, directory: str) -> None:
    other = pxt.get_table(f'{directory}.t')
    assert other.columns() == ['id', 'x', 'name']
    t.drop_column('name')
    assert other.columns() == ['id', 'x']
    assert other.insert([{'id': 9, 'x': 9}]).num_rows == 1
    with pytest.raises(NotFoundError, match='name'):
        other.insert([{'id': 10, 'name': 'n'}])
    t.drop_column('name', if_not_exists='ignore')
    with pytest.raises(NotFoundError, match='Unknown column: name'):
        t.drop_column('name')
    t.drop_column(t.x)
    assert changes(t)[0] == 'Dropped: x'
    t.add_column(name=pxt.Int | None)
    assert column(t.select(t.name)) == [None] * 6


def test_what_others_depend_on_is_not_dropped(t: pxt.Table, directory: str) -> None:
    t.add_computed_column(d=t.x + 1)
    view = pxt.create_view(f'{directory}.v', t.where(t.id > 1), additional_columns={'f': t.d * 2})
    with pytest.raises(RequestError, match=rf"Cannot drop column 'x' because .*depend on it:\n{directory}/t\.d"):
        t.drop_column('x')
    with pytest.raises(RequestError, match=rf'{directory}/v\.f'):
        t.drop_column('d')
    with pytest.raises(RequestError, match=rf'depend on it:\n{directory}/v$'):
        t.drop_column('id')
    with pytest.raises(RequestError, match="Cannot drop base table column 'id'"):
        view.drop_column('id')
    view.drop_column('f')
    t.drop_column('d')
    t.drop_column('x')
    assert column(view.order_by(view.id).select(view.name)) == ['n2', 'n3', 'n4']
    with pytest.raises(RequestError) as failure:
        t.drop_column(3)  # type: ignore[arg-type]
    assert failure.value.error_code == ErrorCode.TYPE_MISMATCH


def test_a_column_of_the_primary_key_or_of_an_iterator_stays(directory: str, video: Callable[[str], str]) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'video': pxt.Video}, primary_key='id')
    with pytest.raises(RequestError, match='primary key'):
        t.drop_column('id')
    from intarsia.functions.video import frame_iterator

    frames = pxt.create_view(f'{directory}.f', t, iterator=frame_iterator(t.video))
    for call in (frames.drop_column, lambda name: frames.rename_column(name, 'other')):
        with pytest.raises(RequestError, match="column 'frame' of the view's iterator"):
            call('frame')


def test_a_renamed_column_keeps_its_cells_and_what_depends_on_it(t: pxt.Table, directory: str) -> None:
    t.add_computed_column(d=t.x + 1)
    view = pxt.create_view(f'{directory}.v', t.where(t.x > 1), additional_columns={'f': t.x * 2})
    old = t.x
    t.rename_column('x', 'weight')
    assert t.columns() == ['id', 'weight', 'name', 'd']
    assert view.columns() == ['f', 'id', 'weight', 'name', 'd']
    assert changes(t)[0] == 'Altered: x (renamed to weight)'
    t.insert([{'id': 5, 'weight': 7}])
    t.update({'weight': t.weight + 10}, where=t.id == 5)
    assert column(t.where(t.id == 5).select(t.d)) == [18]
    assert column(view.where(view.id == 5).select(view.f)) == [34]
    assert column(t.where(old == 17).select(t.id)) == [5]
    assert 'weight + 1' in repr(t)
    assert 'Where: weight > 1' in repr(view)
    with pytest.raises(AttributeError):
        _ = t.x
    t.rename_column('weight', 'weight')
    t.rename_column('weight', 'x')
    assert column(t.order_by(t.id).select(t.x)) == [0, 1, 2, 3, 4, 17]


def test_what_rename_column_refuses(t: pxt.Table, directory: str) -> None:
    view = pxt.create_view(f'{directory}.v', t, additional_columns={'f': t.x * 2})
    with pytest.raises(NotFoundError, match='Unknown column: nope'):
        t.rename_column('nope', 'yes')
    with pytest.raises(AlreadyExistsError, match="'name' already"):
        t.rename_column('x', 'name')
    with pytest.raises(AlreadyExistsError, match=rf"'{directory}/v' has a column 'f' already"):
        t.rename_column('x', 'f')
    for name in ('1bad', 'insert', '_x'):
        with pytest.raises(RequestError) as failure:
            t.rename_column('x', name)
        assert failure.value.error_code == ErrorCode.INVALID_COLUMN_NAME
    with pytest.raises(RequestError, match="Cannot rename base table column 'x'"):
        view.rename_column('x', 'y')


def test_columns_come_and_go_while_others_write(t: pxt.Table, directory: str) -> None:
    failures: list[BaseException] = []

    def write(begin: int) -> None:
        try:
            table = pxt.get_table(f'{directory}.t')
            for i in range(begin, begin + 60):
                table.insert([{'id': i}])
        except BaseException as failure:
            failures.append(failure)

    writers = [threading.Thread(target=write, args=(1000 * n,)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    for _ in range(10):
        t.add_column(temporary=pxt.Int | None)
        t.rename_column('temporary', 'passing')
        t.drop_column('passing')
    for writer in writers:
        writer.join()
    assert failures == []
    assert t.count() == 125
    assert len(changes(t)) == 2 + 30 + 120
