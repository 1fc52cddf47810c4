# SPDX-License-Identifier: Apache-2.0
"""Rows come from dicts, keywords, pandas, Arrow and queries; what does not fit is refused by name."""

import datetime
import http.server
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pyarrow as pa
import pytest

import intarsia as pxt
from intarsia import ErrorCode, exceptions

SCHEMA = {'i': pxt.Int, 's': pxt.String, 'f': pxt.Float | None, 'j': pxt.Json | None}


@pytest.fixture
def t(directory: str) -> pxt.Table:
    return pxt.create_table(f'{directory}.t', SCHEMA)


def test_dicts_in_any_order_with_nullable_ones_left_out(t: pxt.Table) -> None:
    status = t.insert([{'s': 'a', 'i': 1}, {'i': 2, 'f': 1.5, 'j': [1], 's': 'b'}])
    assert status.row_count_stats.ins_rows == status.num_rows == 2
    assert list(t.collect()) == [
        {'i': 1, 's': 'a', 'f': None, 'j': None},
        {'i': 2, 's': 'b', 'f': 1.5, 'j': [1]},
    ]


def test_one_row_by_keywords(t: pxt.Table) -> None:
    assert t.insert(i=1, s='x').num_rows == 1
    assert t.count() == 1


def test_a_generator_of_many_rows_keeps_their_order(t: pxt.Table) -> None:
    n = 40_000
    assert t.insert({'i': i, 's': str(i), 'j': {'n': i}} for i in range(n)).num_rows == n
    rows = t.select(t.i, t.s, t.j.n).collect()
    assert rows['i'] == list(range(n))
    assert rows[n - 1] == {'i': n - 1, 's': str(n - 1), 'j_n': n - 1} or rows[n - 1, 2] == n - 1


def test_pandas_with_gaps(t: pxt.Table) -> None:
    frame = pd.DataFrame(
        {'i': [1.0, 2.0], 's': ['a', 'b'], 'f': [np.nan, 2.5], 'j': [None, {'a': 1}]}, index=pd.Index([7, 9])
    )
    assert t.insert(frame).num_rows == 2
    assert list(t.collect()) == [
        {'i': 1, 's': 'a', 'f': pytest.approx(np.nan, nan_ok=True), 'j': None},
        {'i': 2, 's': 'b', 'f': 2.5, 'j': {'a': 1}},
    ]
    extension = pd.DataFrame({'i': pd.array([3], 'Int64'), 's': ['c'], 'f': pd.array([None], 'Float64')})
    t.insert(extension)
    assert list(t.where(t.i == 3).collect()) == [{'i': 3, 's': 'c', 'f': None, 'j': None}]


def test_a_frame_or_a_table_without_rows_inserts_nothing(t: pxt.Table) -> None:
    assert t.insert(pd.DataFrame({'i': [], 's': []})).num_rows == 0
    assert t.insert(pa.table({'i': pa.array([], pa.int64()), 's': pa.array([], pa.string())})).num_rows == 0
    with pytest.raises(exceptions.RequestError, match='no rows'):
        t.insert([])


def test_pandas_types(directory: str) -> None:
    frame = pd.DataFrame(
        {
            'n': np.arange(3, dtype='int32'),
            'x': np.array([0.5, 1.5, 2.5], 'float32'),
            'b': [True, False, True],
            'when': pd.to_datetime(['2020-01-01', None, '2021-06-01 12:30'], format='ISO8601'),
            'c': pd.Categorical(['u', 'v', 'u']),
        }
    )
    t = pxt.create_table(f'{directory}.p', source=frame)
    kinds = {name: str(type_) for name, type_ in t.select().schema.items()}
    assert kinds == {
        'n': 'Int | None',
        'x': 'Float | None',
        'b': 'Bool | None',
        'when': 'Timestamp | None',
        'c': 'String | None',
    }
    rows = t.collect()
    assert rows['n'] == [0, 1, 2]
    assert rows['x'] == [0.5, 1.5, 2.5]
    assert rows['b'] == [True, False, True]
    assert rows['c'] == ['u', 'v', 'u']
    utc = datetime.timezone.utc
    assert rows['when'] == [
        datetime.datetime(2020, 1, 1, tzinfo=utc),
        None,
        datetime.datetime(2021, 6, 1, 12, 30, tzinfo=utc),
    ]


def test_arrow(t: pxt.Table) -> None:
    table = pa.table(
        {
            'i': pa.array([1, 2], pa.int32()),
            's': ['a', 'b'],
            'f': pa.array([1, None], pa.int64()),
            'j': pa.array([{'a': [1]}, None]),
        }
    )
    assert t.insert(table).num_rows == 2
    assert list(t.collect()) == [
        {'i': 1, 's': 'a', 'f': 1.0, 'j': {'a': [1]}},
        {'i': 2, 's': 'b', 'f': None, 'j': None},
    ]


def test_another_query(t: pxt.Table, directory: str) -> None:
    t.insert([{'i': n, 's': str(n)} for n in range(5)])
    other = pxt.create_table(f'{directory}.other', {'k': pxt.Int, 'name': pxt.String})
    assert other.insert(t.where(t.i > 2).select(k=t.i * 10, name=t.s)).num_rows == 2
    assert list(other.collect()) == [{'k': 30, 'name': '3'}, {'k': 40, 'name': '4'}]


def test_a_table_from_rows(directory: str) -> None:
    t = pxt.create_table(f'{directory}.rows', source=[{'a': 1, 'b': 'x', 'c': None}, {'a': 2.5, 'b': 'y', 'c': [1]}])
    assert {name: str(type_) for name, type_ in t.select().schema.items()} == {
        'a': 'Float | None',
        'b': 'String | None',
        'c': 'Json | None',
    }
    assert t.collect()['a'] == [1.0, 2.5]


BAD_ROWS: list[tuple[dict[str, Any], ErrorCode, list[str]]] = [
    ({'i': 'x', 's': 'a'}, ErrorCode.UNSUPPORTED_OPERATION, ["'i'", 'Int', "str 'x'"]),
    ({'i': True, 's': 'a'}, ErrorCode.UNSUPPORTED_OPERATION, ["'i'", 'Int', 'bool True']),
    ({'i': 3.0, 's': 'a'}, ErrorCode.UNSUPPORTED_OPERATION, ["'i'", 'Int', 'float 3.0']),
    ({'i': 2**63, 's': 'a'}, ErrorCode.UNSUPPORTED_OPERATION, ["'i'", '64 bits', str(2**63)]),
    ({'i': None, 's': 'a'}, ErrorCode.UNSUPPORTED_OPERATION, ["'i'", 'Int', 'None']),
    ({'i': 1, 's': 5}, ErrorCode.UNSUPPORTED_OPERATION, ["'s'", 'String', 'int 5']),
    ({'i': 1, 's': b'a'}, ErrorCode.UNSUPPORTED_OPERATION, ["'s'", 'String', 'bytes']),
    ({'i': 1, 's': 'a\0b'}, ErrorCode.UNSUPPORTED_OPERATION, ["'s'", 'NUL']),
    ({'i': 1, 's': '\ud800'}, ErrorCode.UNSUPPORTED_OPERATION, ["'s'", 'UTF-8']),
    ({'i': 1, 's': 'a', 'f': '1'}, ErrorCode.UNSUPPORTED_OPERATION, ["'f'", 'Float', "str '1'"]),
    ({'i': 1, 's': 'a', 'j': object()}, ErrorCode.UNSUPPORTED_OPERATION, ["'j'", 'object']),
    ({'i': 1, 's': 'a', 'j': {1: 2}}, ErrorCode.UNSUPPORTED_OPERATION, ["'j'", 'key']),
    ({'i': 1, 's': 'a', 'j': [float('nan')]}, ErrorCode.UNSUPPORTED_OPERATION, ["'j'", 'nan']),
    ({'i': 1, 's': 'a', 'j': datetime.date(2020, 1, 1)}, ErrorCode.UNSUPPORTED_OPERATION, ["'j'", 'date']),
    ({'i': 1}, ErrorCode.MISSING_REQUIRED, ["'s'"]),
    ({}, ErrorCode.MISSING_REQUIRED, ["'i'", "'s'"]),
    ({'i': 1, 's': 'a', 'zz': 3}, ErrorCode.COLUMN_NOT_FOUND, ["'zz'", "'f'"]),
]


@pytest.mark.parametrize(('row', 'code', 'words'), BAD_ROWS, ids=lambda value: None)
def test_a_bad_row_is_named_and_nothing_is_inserted(
    t: pxt.Table, row: dict[str, Any], code: ErrorCode, words: list[str]
) -> None:
    good = {'i': 1, 's': 'good'}
    with pytest.raises(exceptions.Error) as caught:
        t.insert([good, good, row])
    assert caught.value.error_code is code
    for word in ['/t', 'row 2', *words]:
        assert word in str(caught.value)
    assert t.count() == 0


@pytest.mark.parametrize('source', [[], iter([]), 5, 'rows.csv', {'i': 1}, [5], [None]])
def test_what_is_no_source_of_rows_is_refused(t: pxt.Table, source: Any) -> None:
    with pytest.raises(exceptions.RequestError) as caught:
        t.insert(source)
    assert caught.value.error_code is ErrorCode.UNSUPPORTED_OPERATION


def test_a_bad_cell_far_into_a_big_insert_leaves_nothing(t: pxt.Table) -> None:
    rows: list[dict[str, Any]] = [{'i': i, 's': 'x'} for i in range(50_000)]
    rows[45_678]['i'] = None
    with pytest.raises(exceptions.RequestError, match='row 45678'):
        t.insert(rows)
    assert t.count() == 0
    assert t.get_versions()[0]['version'] == 0


def test_what_a_generator_raises_comes_out(t: pxt.Table) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for i in range(30_000):
            if i == 25_000:
                raise LookupError('gone')
            yield {'i': i, 's': 'x'}

    with pytest.raises(LookupError, match='gone'):
        t.insert(rows())
    assert t.count() == 0


@pytest.mark.parametrize(
    ('frame', 'words'),
    [
        (pd.DataFrame({'i': [1, 2]}), ["'s'"]),
        (pd.DataFrame({'i': [1.5], 's': ['a']}), ["'i'", '1.5']),
        (pd.DataFrame({'i': [1], 's': [None]}), ["'s'", 'None']),
        (pd.DataFrame({'i': [1], 's': ['a'], 'zz': [1]}), ["'zz'"]),
        (pd.DataFrame([[1, 'a', 'b']], columns=['i', 's', 's']), ['several columns', 's']),
        (pd.Series([1, 2], name='i'), ['Series']),
    ],
)
def test_a_bad_data_frame_is_refused(t: pxt.Table, frame: pd.DataFrame, words: list[str]) -> None:
    with pytest.raises(exceptions.Error) as caught:
        t.insert(frame)
    assert all(word in str(caught.value) for word in words)
    assert t.count() == 0


@pytest.mark.parametrize(
    'columns', [{'i': [1]}, {'i': [None], 's': ['a']}, {'i': ['x'], 's': ['a']}, {'i': [1], 's': ['a'], 'zz': [1]}]
)
def test_a_bad_arrow_table_is_refused(t: pxt.Table, columns: dict[str, Any]) -> None:
    with pytest.raises(exceptions.Error):
        t.insert(pa.table(columns))
    assert t.count() == 0


@pytest.mark.parametrize(
    'value', [np.zeros(3, 'float32'), np.zeros((2, 1), 'float32'), [1, 'x'], 'x', [[1, 2]], np.array(['a', 'b'])]
)
def test_arrays_of_another_shape_or_kind_are_refused(directory: str, value: Any) -> None:
    t = pxt.create_table(f'{directory}.a', {'a': pxt.Array[(2,), pxt.Float]})
    with pytest.raises(exceptions.RequestError, match=r"'a' needs an Array\[\(2,\), float32\]"):
        t.insert(a=value)


@pytest.mark.parametrize(
    ('dtype', 'value', 'want'),
    [
        (np.int8, np.array([300, 1]), None),
        (np.int8, [200, 1], None),
        (np.int8, [1.5, 2.0], None),
        (np.uint8, np.array([-1, 1]), None),
        (np.float32, np.array([1e300, 1.0]), None),
        (np.int8, np.array([-128, 127]), [-128, 127]),
        (np.int64, np.array([-1, 2], dtype='>i4'), [-1, 2]),
        (np.float32, np.array([np.nan, np.inf]), [np.nan, np.inf]),
        (np.float32, [1, None], [1, np.nan]),
    ],
)
def test_elements_of_arrays_keep_their_values_or_are_refused(
    directory: str, dtype: Any, value: Any, want: list[float] | None
) -> None:
    t = pxt.create_table(f'{directory}.a', {'a': pxt.Array[(2,), dtype]})
    if want is None:
        with pytest.raises(exceptions.RequestError, match="'a' needs an Array"):
            t.insert(a=value)
    else:
        t.insert(a=value)
        [cell] = t.collect()['a']
        assert cell.dtype == dtype
        np.testing.assert_array_equal(cell, want)


def test_a_computed_column_takes_no_values(t: pxt.Table) -> None:
    t.add_computed_column(double=t.i * 2)
    with pytest.raises(exceptions.RequestError, match="'double' is computed") as caught:
        t.insert(i=1, s='a', double=2)
    assert caught.value.error_code is ErrorCode.UNSUPPORTED_OPERATION


def test_bad_options_are_refused(t: pxt.Table) -> None:
    with pytest.raises(exceptions.RequestError, match='on_error'):
        t.insert(i=1, s='a', on_error='maybe')
    with pytest.raises(exceptions.RequestError, match='both'):
        t.insert([{'i': 1, 's': 'a'}], i=2)


# ---- media ----


@pytest.fixture
def pictures(directory: str) -> pxt.Table:
    return pxt.create_table(f'{directory}.pictures', {'img': pxt.Image | None, 'n': pxt.Int | None})


def test_an_image_comes_as_path_url_bytes_or_object(
    pictures: pxt.Table, photograph: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photograph('coins.png')
    original = PIL.Image.open(path)
    (tmp_path / 'here.png').write_bytes(Path(path).read_bytes())
    monkeypatch.chdir(tmp_path)
    sources = [path, Path(path), 'here.png', f'file://{path}', Path(path).read_bytes(), original, np.asarray(original)]
    pictures.insert([{'img': source} for source in sources])
    images = pictures.collect()['img']
    for image in images:
        assert isinstance(image, PIL.Image.Image)
        assert (image.mode, image.size) == (original.mode, original.size)
        assert np.abs(np.asarray(image, int) - np.asarray(original, int)).mean() < 4  # an object is stored as JPEG
    assert all(image.tobytes() == original.tobytes() for image in images[:5])


@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'RGB', 'RGBA', 'P', 'CMYK', 'I;16'])
def test_images_of_every_mode_come_back(pictures: pxt.Table, photograph: Callable[[str], str], mode: str) -> None:
    base = PIL.Image.open(photograph('astronaut.png')).resize((40, 30))
    image = base.convert('L').convert('I;16') if mode == 'I;16' else base.convert(mode)
    pictures.insert(img=image)
    back = pictures.collect()[0, 'img']
    assert back.size == image.size
    difference = np.asarray(back.convert('RGBA'), int) - np.asarray(image.convert('RGBA'), int)
    assert np.abs(difference).mean() < 8  # lossy where there is no opacity, as with the peer


def test_a_missing_file_ends_the_insert(pictures: pxt.Table, photograph: Callable[[str], str]) -> None:
    with pytest.raises(exceptions.Error, match=r'/nope/x\.png'):
        pictures.insert([{'img': photograph('coins.png')}, {'img': '/nope/x.png'}])
    assert pictures.count() == 0


def test_a_broken_file_ends_the_insert_or_is_an_error_cell(
    pictures: pxt.Table, photograph: Callable[[str], str], tmp_path: Path
) -> None:
    half = tmp_path / 'half.jpg'
    half.write_bytes(Path(photograph('rocket.jpg')).read_bytes()[:400])
    rows = [{'img': photograph('coins.png'), 'n': 1}, {'img': str(half), 'n': 2}]
    with pytest.raises(exceptions.Error, match=r'half\.jpg') as caught:
        pictures.insert(rows)
    assert caught.value.error_code is ErrorCode.INVALID_DATA_FORMAT
    assert pictures.count() == 0
    status = pictures.insert(rows, on_error='ignore')
    assert status.num_excs == 1
    assert status.cols_with_excs == ['pictures.img']
    broken = pictures.where(pictures.img.errortype != None)  # noqa: E711
    assert broken.select(pictures.n, pictures.img).collect()[0] == {'n': 2, 'img': None}
    assert 'half.jpg' in broken.select(pictures.img.errormsg).collect()[0, 0]


def test_bytes_that_are_no_image_are_refused(pictures: pxt.Table) -> None:
    with pytest.raises(exceptions.Error):
        pictures.insert(img=b'not a picture')
    with pytest.raises(exceptions.RequestError, match="'img' needs an Image"):
        pictures.insert(img=5)


def test_validation_on_read_lets_a_broken_file_in(directory: str, tmp_path: Path) -> None:
    path = tmp_path / 'no.png'
    path.write_bytes(b'no picture')
    t = pxt.create_table(f'{directory}.lazy', {'img': pxt.Image}, media_validation='on_read')
    assert t.get_metadata()['media_validation'] == 'on_read'
    assert t.insert(img=path).num_excs == 0


def test_a_picture_by_http(pictures: pxt.Table, photograph: Callable[[str], str]) -> None:
    data = Path(photograph('coins.png')).read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == '/coins.png'
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(data if found else b'')

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        pictures.insert(img=f'{url}/coins.png')
        assert pictures.collect()[0, 'img'].tobytes() == PIL.Image.open(io.BytesIO(data)).tobytes()
        with pytest.raises(exceptions.Error, match=r'nope\.png'):
            pictures.insert(img=f'{url}/nope.png')
        server.shutdown()
    assert pictures.count() == 1
