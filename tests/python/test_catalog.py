# SPDX-License-Identifier: Apache-2.0
"""Directories, tables and views by path; metadata; history; what another process sees."""

import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import intarsia as pxt
from intarsia import ErrorCode, exceptions

Run = Callable[..., subprocess.CompletedProcess[str]]


def raises(code: ErrorCode, call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(exceptions.Error) as caught:
        call()
    assert caught.value.error_code is code, caught.value
    for word in words:
        assert word in str(caught.value)


def test_paths_have_dots_or_slashes(directory: str) -> None:
    pxt.create_dir(f'{directory}.a.b', parents=True)
    t = pxt.create_table(f'{directory}/a/b/t', {'x': pxt.Int})
    assert pxt.get_table(f'{directory}.a.b.t') == t
    assert pxt.list_tables(directory) == [f'{directory}/a/b/t']
    assert pxt.list_tables(directory, recursive=False) == []
    assert pxt.list_dirs(directory) == [f'{directory}/a', f'{directory}/a/b']
    assert pxt.list_dirs(directory, recursive=False) == [f'{directory}/a']
    assert pxt.get_dir_contents(directory) == {
        'dirs': [f'{directory}/a', f'{directory}/a/b'],
        'tables': [f'{directory}/a/b/t'],
    }
    listing = pxt.ls(f'{directory}/a/b')
    assert listing.to_dict('records') == [{'Name': 't', 'Kind': 'table', 'Version': '0', 'Base': ''}]


@pytest.mark.parametrize('path', ['', '1t', 'a b', 'a..b', 'a.', '.a', 'a/b.c/', 'ä-b', 5, None])
def test_bad_paths_are_refused(path: Any) -> None:
    for call in (lambda: pxt.create_dir(path), lambda: pxt.create_table(path, {'a': pxt.Int})):
        raises(ErrorCode.INVALID_PATH, call)


def test_names_that_are_taken(directory: str) -> None:
    path = f'{directory}.t'
    t = pxt.create_table(path, {'a': pxt.Int})
    t.insert(a=1)
    raises(ErrorCode.PATH_ALREADY_EXISTS, lambda: pxt.create_table(path, {'a': pxt.Int}), f'{directory}/t')
    raises(ErrorCode.PATH_ALREADY_EXISTS, lambda: pxt.create_dir(path))
    raises(ErrorCode.PATH_ALREADY_EXISTS, lambda: pxt.create_dir(directory))
    raises(ErrorCode.PATH_ALREADY_EXISTS, lambda: pxt.create_table(directory, {'a': pxt.Int}, if_exists='replace'))
    raises(ErrorCode.INVALID_ARGUMENT, lambda: pxt.create_table(path, {'a': pxt.Int}, if_exists='maybe'), 'if_exists')
    assert pxt.create_table(path, {'b': pxt.Int}, if_exists='ignore').columns() == ['a']
    pxt.create_dir(directory, if_exists='ignore')
    assert pxt.create_table(path, {'b': pxt.Int}, if_exists='replace').columns() == ['b']
    assert pxt.get_table(path).count() == 0
    raises(ErrorCode.TABLE_NOT_FOUND, t.count)


def test_paths_that_are_not_there(directory: str) -> None:
    raises(ErrorCode.DIRECTORY_NOT_FOUND, lambda: pxt.create_table('nosuch.t', {'a': pxt.Int}), 'nosuch')
    raises(ErrorCode.DIRECTORY_NOT_FOUND, lambda: pxt.create_dir(f'{directory}.x.y'), f'{directory}/x')
    for call in (
        lambda: pxt.get_table(f'{directory}.zz'),
        lambda: pxt.drop_table(f'{directory}.zz'),
        lambda: pxt.drop_dir(f'{directory}.zz'),
        lambda: pxt.ls(f'{directory}.zz'),
    ):
        with pytest.raises(exceptions.NotFoundError, match=f'{directory}/zz'):
            call()
    assert pxt.get_table(f'{directory}.zz', if_not_exists='ignore') is None
    pxt.drop_table(f'{directory}.zz', if_not_exists='ignore')
    pxt.drop_dir(f'{directory}.zz', if_not_exists='ignore')


def test_dropping_waits_for_what_depends(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    v = pxt.create_view(f'{directory}.v', t.where(t.a > 1))
    raises(ErrorCode.CONSTRAINT_VIOLATION, lambda: pxt.drop_table(t), f'{directory}/v')
    with pytest.raises(exceptions.RequestError, match=directory):
        pxt.drop_dir(directory)
    pxt.drop_table(v)
    pxt.drop_table(t)
    assert pxt.list_tables(directory) == []
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    pxt.create_view(f'{directory}.v', t)
    pxt.drop_table(t, force=True)
    assert pxt.list_tables(directory) == []
    pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    pxt.drop_dir(directory, force=True)
    assert directory not in pxt.list_dirs()


SCHEMAS: list[tuple[Any, ErrorCode, str]] = [
    ({}, ErrorCode.INVALID_ARGUMENT, 'schema'),
    ([], ErrorCode.INVALID_ARGUMENT, 'schema'),
    (None, ErrorCode.MISSING_REQUIRED, 'schema'),
    ({'a': 5}, ErrorCode.TYPE_MISMATCH, "'a'"),
    ({'a': 'int'}, ErrorCode.TYPE_MISMATCH, "'a'"),
    ({'a': int}, ErrorCode.INVALID_TYPE, 'pxt.Int'),
    ({'a': {'type': pxt.Int, 'foo': 1}}, ErrorCode.INVALID_ARGUMENT, 'foo'),
    ({'a': {'comment': 'x'}}, ErrorCode.INVALID_SCHEMA, "'a'"),
    ({'a': {'type': pxt.Int, 'stored': 'yes'}}, ErrorCode.INVALID_ARGUMENT, 'stored'),
    ({'a b': pxt.Int}, ErrorCode.INVALID_COLUMN_NAME, 'a b'),
    ({'1a': pxt.Int}, ErrorCode.INVALID_COLUMN_NAME, '1a'),
    ({'_a': pxt.Int}, ErrorCode.INVALID_COLUMN_NAME, '_a'),
    ({'insert': pxt.Int}, ErrorCode.INVALID_COLUMN_NAME, 'insert'),
    ({5: pxt.Int}, ErrorCode.INVALID_COLUMN_NAME, '5'),
    ({'A': pxt.Int, 'a': pxt.Int}, ErrorCode.INVALID_SCHEMA, "'a'"),
]


@pytest.mark.parametrize(('schema', 'code', 'word'), SCHEMAS)
def test_bad_schemas_are_refused(directory: str, schema: Any, code: ErrorCode, word: str) -> None:
    raises(code, lambda: pxt.create_table(f'{directory}.t', schema), word)
    assert pxt.list_tables(directory) == []


def test_columns_as_dicts(directory: str) -> None:
    t = pxt.create_table(
        f'{directory}.t',
        {
            'id': {'type': pxt.Int, 'comment': 'the key', 'custom_metadata': {'k': [1]}},
            'img': {'type': pxt.Image | None, 'media_validation': 'on_read'},
            'five': {'value': pxt.array([1, 2, 3])},
        },
        comment='a table',
        custom_metadata={'who': 'me'},
        primary_key='id',
    )
    meta = t.get_metadata()
    assert (meta['comment'], meta['custom_metadata'], meta['primary_key']) == ('a table', {'who': 'me'}, ['id'])
    assert meta['columns']['id']['comment'] == 'the key'
    assert meta['columns']['id']['custom_metadata'] == {'k': [1]}
    assert meta['columns']['img']['media_validation'] == 'on_read'
    assert meta['columns']['five']['is_computed']
    assert isinstance(meta['id'], uuid.UUID)


def test_a_filter_view_follows_its_base(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    t.insert([{'a': a} for a in range(5)])
    v = pxt.create_view(f'{directory}.v', t.where(t.a > 2), additional_columns={'twice': t.a * 2})
    assert list(v.collect()) == [{'twice': 6, 'a': 3}, {'twice': 8, 'a': 4}]
    status = t.insert([{'a': 1}, {'a': 10}])
    assert status.row_count_stats.ins_rows == 2
    assert status.cascade_row_count_stats.ins_rows == 1
    assert v.collect()['twice'] == [6, 8, 20]
    assert v.get_base_table() == t
    assert t.get_base_table() is None
    assert t.list_views() == [f'{directory}/v']
    assert isinstance(v, pxt.View)
    assert v.get_metadata()['view_filter'] == 'a > 2'
    raises(ErrorCode.UNSUPPORTED_OPERATION, lambda: v.insert(a=1), f'{directory}/v')


def test_what_a_view_cannot_stand_on(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    raises(ErrorCode.TYPE_MISMATCH, lambda: pxt.create_view(f'{directory}.v', 5))  # type: ignore[arg-type]
    for query in (t.limit(2), t.order_by(t.a)):
        raises(ErrorCode.UNSUPPORTED_OPERATION, lambda query=query: pxt.create_view(f'{directory}.v', query))
    assert pxt.list_tables(directory) == [f'{directory}/t']


def test_history(directory: str) -> None:
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    t.insert([{'a': 0}, {'a': 1}])
    t.add_computed_column(inverse=1 / t.a, on_error='ignore')
    frame = t.history()
    assert list(frame.columns) == [
        'version',
        'created_at',
        'user',
        'change_type',
        'inserts',
        'updates',
        'deletes',
        'errors',
        'schema_change',
    ]
    assert frame['version'].tolist() == [2, 1, 0]
    assert frame['change_type'].tolist() == ['schema', 'data', 'schema']
    assert frame['inserts'].tolist() == [0, 2, 0]
    assert frame['errors'].tolist() == [1, 0, 0]
    assert frame['schema_change'].tolist()[0] == 'Added: inverse'
    assert frame['schema_change'].tolist()[2] == 'Initial Version'
    assert len(t.history(n=1)) == 1
    assert t.get_versions()[1]['inserts'] == 2
    assert t.get_metadata()['version'] == 2


def test_a_table_describes_itself(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int, 'name': {'type': pxt.String | None, 'comment': 'who'}})
    t.add_computed_column(b=t.a + 1)
    v = pxt.create_view(f'{directory}.v', t.where(t.a > 1), additional_columns={'c': t.a * 2})
    t.describe()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"table '{directory}/t'"
    assert [line.split() for line in lines[4:]] == [
        ['a', 'Int', 't'],
        ['name', 'String', '|', 'None', 't', 'who'],
        ['b', 'Int', 't', 'a', '+', '1'],
    ]
    assert repr(v).startswith(f"view '{directory}/v' (of '{directory}/t')\nWhere: a > 1\n")
    assert '....' in repr(v)
    assert directory in t._repr_html_()
    assert t.columns() == ['a', 'name', 'b']
    assert 'name' in dir(t)


def test_another_process_sees_it_all(directory: str, run_python: Run) -> None:
    t = pxt.create_table(f'{directory}.t', {'a': pxt.Int})
    t.add_computed_column(b=t.a + 1)
    t.insert([{'a': 1}])
    done = run_python(f"""
import intarsia as pxt
t = pxt.get_table('{directory}.t')
print(t.collect()[0], t.get_metadata()['version'])
t.insert(a=5)
t.add_computed_column(c=t.b * 2)
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split('\n')[0] == "{'a': 1, 'b': 2} 2"
    assert t.collect()[1] == {'a': 5, 'b': 6, 'c': 12}
