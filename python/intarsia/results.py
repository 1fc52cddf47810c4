# SPDX-License-Identifier: Apache-2.0
"""The rows that a query gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar, overload

from intarsia import _display, _native
from intarsia.exceptions import ErrorCode, RequestError, invalid_argument, unsupported
from intarsia.types import ColumnType

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pydantic

_ROWS_AT_ONCE = 1000
_MOST_ROWS_SHOWN = 1000


class ResultSet:
    """Rows in memory: `r[0]` is a dict, `r[2:5]` a result of these rows, `r['name']` a list, `r[0, 'name']` a
    cell. Python objects are made on access.

    >>> rows = t.select(t.name, t.image).collect()
    >>> rows[0]['image']  # a PIL image
    """

    def __init__(self, native: _native.ResultSet) -> None:
        self._native = native
        self._names: list[str] = native.names

    @property
    def schema(self) -> dict[str, ColumnType]:
        return dict(zip(self._names, self._native.types, strict=True))

    def __len__(self) -> int:
        return self._native.num_rows

    def _row(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f'row {index} of a result with {len(self)} rows')
        return index % len(self)

    def _column(self, key: str | int) -> int:
        if isinstance(key, str) and key in self._names:
            return self._names.index(key)
        if isinstance(key, int) and -len(self._names) <= key < len(self._names):
            return key % len(self._names)
        raise RequestError(ErrorCode.INVALID_COLUMN_NAME, f'the result has no column {key!r}; it has {self._names}')

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    @overload
    def __getitem__(self, key: tuple[int, str | int]) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> ResultSet: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._native.column(self._column(key), 0, len(self))
        if isinstance(key, int):
            row = self._row(key)
            return self._native.rows(row, row + 1)[0]
        if isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], int):
            row = self._row(key[0])
            return self._native.column(self._column(key[1]), row, row + 1)[0]
        if isinstance(key, slice):
            return ResultSet(self._native.take(list(range(*key.indices(len(self))))))
        raise unsupported(f'a result is indexed by row, slice, by column name or by (row, column), not by {key!r}')

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for begin in range(0, len(self), _ROWS_AT_ONCE):
            yield from self._native.rows(begin, begin + _ROWS_AT_ONCE)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResultSet):
            return NotImplemented
        return self._names == other._names and len(self) == len(other) and self.to_pydict() == other.to_pydict()

    __hash__ = None  # type: ignore[assignment]

    def to_pydict(self) -> dict[str, list[Any]]:
        """The cells by column."""
        return {name: self[name] for name in self._names}

    def to_pandas(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame({name: self._pandas_column(i) for i, name in enumerate(self._names)}, columns=self._names)

    def _pandas_column(self, column: int) -> Any:
        numbers = self._native.numbers(column)
        if numbers is not None:
            import numpy as np

            return np.frombuffer(numbers, 'int64' if self._native.types[column].kind == 'Int' else 'float64')
        cells = self._native.column(column, 0, len(self))
        if self._native.types[column].kind in ('Json', 'Array', 'Image'):
            import pandas as pd

            return pd.Series(cells, dtype=object)
        return cells

    def to_arrow(self) -> pa.Table:
        """Media as URLs, JSON as text."""
        import pyarrow as pa

        return pa.Table.from_batches([pa.record_batch(batch) for batch in self._native.arrow_batches()])

    def to_polars(self) -> pl.DataFrame:
        """Media as URLs, JSON as text."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    BaseModelT = TypeVar('BaseModelT', bound='pydantic.BaseModel')

    def to_pydantic(self, model: type[BaseModelT]) -> Iterator[BaseModelT]:
        """Each row as an instance of a pydantic model; columns that it has no field for are left out.

        >>> [film.title for film in t.collect().to_pydantic(Film)]
        """
        import pydantic

        if not (isinstance(model, type) and issubclass(model, pydantic.BaseModel)):
            raise invalid_argument(f'to_pydantic() takes a pydantic model class, got {model!r}')
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if missing := [name for name, field in fields.items() if field.is_required() and name not in self._names]:
            raise unsupported(
                f'to_pydantic(): model {model.__name__} needs {missing}, and the result has only {self._names}'
            )
        if extra := [
            name for name in self._names if name not in fields and model.model_config.get('extra') == 'forbid'
        ]:
            raise unsupported(f"to_pydantic(): model {model.__name__} forbids the columns {extra} (extra='forbid')")
        return self._instances(model)

    def _instances(self, model: type[BaseModelT]) -> Iterator[BaseModelT]:
        for number, row in enumerate(self):
            try:
                yield model.model_validate(row)
            except ValueError as failure:
                raise RequestError(ErrorCode.TYPE_MISMATCH, f'to_pydantic(): row {number}: {failure}') from failure

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        frame = self.to_pandas()
        return (
            str(frame.to_string(max_rows=None if len(frame) <= _MOST_ROWS_SHOWN else 60)) if len(frame) else str(frame)
        )

    def _repr_html_(self) -> str:
        rows = self._native.rows(0, _MOST_ROWS_SHOWN)
        note = f'<p>{len(self)} rows</p>' if len(self) > _MOST_ROWS_SHOWN else ''
        return _display.html_table(self._names, [list(row.values()) for row in rows]) + note
