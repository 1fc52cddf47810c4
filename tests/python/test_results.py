# SPDX-License-Identifier: Apache-2.0
"""What a result gives: slices, models, and frames of others."""

import pydantic
import pytest

import intarsia as pxt
from intarsia.exceptions import RequestError


class Film(pydantic.BaseModel):
    title: str
    year: int | None = None


@pytest.fixture
def films(directory: str) -> pxt.ResultSet:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'title': pxt.String, 'year': pxt.Int | None})
    t.insert([{'id': i, 'title': f'film {i}', 'year': 1900 + i if i % 3 else None} for i in range(2500)])
    return t.order_by(t.id).select(t.title, t.year).collect()


@pytest.mark.parametrize(
    'part',
    [
        slice(None),
        slice(3, 7),
        slice(-5, None),
        slice(2400, 9999),
        slice(5, 5),
        slice(1, 2000, 300),
        slice(None, None, -1),
    ],
)
def test_slices_are_results(films: pxt.ResultSet, part: slice) -> None:
    rows = list(films)
    assert isinstance(films[part], pxt.ResultSet)
    assert list(films[part]) == rows[part]
    assert films[part]['year'] == [row['year'] for row in rows[part]]
    assert len(films[part][:2]) == len(rows[part][:2])


def test_rows_as_pydantic_models(films: pxt.ResultSet) -> None:
    made = list(films.to_pydantic(Film))
    assert made[1] == Film(title='film 1', year=1901)
    assert made[3].year is None
    assert len(made) == 2500


def test_what_to_pydantic_refuses(films: pxt.ResultSet) -> None:
    class Needs(pydantic.BaseModel):
        director: str

    class Strict(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra='forbid')
        title: str

    class Wrong(pydantic.BaseModel):
        title: int

    with pytest.raises(RequestError, match=r"Needs needs \['director'\], and the result has only"):
        films.to_pydantic(Needs)
    with pytest.raises(RequestError, match=r"Strict forbids the columns \['year'\]"):
        films.to_pydantic(Strict)
    with pytest.raises(RequestError, match='row 0: 1 validation error for Wrong'):
        next(films.to_pydantic(Wrong))
    with pytest.raises(RequestError, match='takes a pydantic model class'):
        films.to_pydantic(dict)  # type: ignore[type-var]


def test_polars(films: pxt.ResultSet) -> None:
    frame = films.to_polars()
    assert frame.columns == ['title', 'year']
    assert frame['year'].to_list() == films['year']
