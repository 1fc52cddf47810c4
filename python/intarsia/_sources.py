# SPDX-License-Identifier: Apache-2.0
"""What rows can come from: dicts, pandas, Arrow, another query. Nothing here imports what the user does not use."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from intarsia import _native
from intarsia.exceptions import ErrorCode, RequestError, unsupported
from intarsia.types import ColumnType

_ROWS_TO_INFER = 1000


class Source:
    """Rows to insert, in one of three forms."""

    def insert_into(self, table: _native.Table, on_error: str) -> _native.UpdateStatus:
        raise NotImplementedError

    def infer(self) -> dict[str, ColumnType]:
        """Column types, all nullable."""
        raise NotImplementedError


class RowSource(Source):
    """Dicts, one for each row."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = rows

    def insert_into(self, table: _native.Table, on_error: str) -> _native.UpdateStatus:
        return table.insert_rows(self._rows, on_error)

    def infer(self) -> dict[str, ColumnType]:
        if isinstance(self._rows, Iterator):
            first = [row for row, _ in zip(self._rows, range(_ROWS_TO_INFER), strict=False)]
            self._rows = chain(first, self._rows)
        else:
            first = list(self._rows)[:_ROWS_TO_INFER]
        if not first:
            raise unsupported('a table cannot be made from a source without rows: give a schema')
        columns: dict[str, list[Any]] = {}
        for row in first:
            if not isinstance(row, dict):
                raise unsupported(f'rows are dicts {{column name: value}}, got {type(row).__name__} {row!r}')
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        return {name: _inferred(name, values) for name, values in columns.items()}


class PandasSource(Source):
    def __init__(self, frame: Any) -> None:
        names = [str(name) for name in frame.columns]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise RequestError(
                ErrorCode.INVALID_SCHEMA, f'the DataFrame has several columns of one name: {", ".join(sorted(twice))}'
            )
        self._frame = frame.set_axis(names, axis='columns')

    def insert_into(self, table: _native.Table, on_error: str) -> _native.UpdateStatus:
        types = {column.name: column.type.kind for column in table.info().columns}
        columns = {name: _cells(self._frame[name], types.get(name)) for name in self._frame.columns}
        return table.insert_columns(columns, on_error)

    def infer(self) -> dict[str, ColumnType]:
        return {name: self._column_type(name) for name in self._frame.columns}

    def _column_type(self, name: str) -> ColumnType:
        series = self._frame[name]
        by_dtype = {'i': 'Int', 'u': 'Int', 'f': 'Float', 'b': 'Bool', 'M': 'Timestamp'}.get(series.dtype.kind)
        if by_dtype is not None:
            return _native.Type(by_dtype, True)
        return _inferred(name, _cells(series.head(_ROWS_TO_INFER), None))


def _cells(series: Any, kind: str | None) -> Any:
    """A column of pandas as the engine takes it: NumPy numbers without a gap, else Python objects with None for one.
    NaN is no gap in a column of NumPy floats that goes into a Float column."""
    import numpy as np

    dtype = series.dtype.kind
    is_numeric = (dtype == 'i' and kind in ('Int', 'Float')) or (dtype == 'f' and kind == 'Float')
    if is_numeric and (isinstance(series.dtype, np.dtype) or not series.isna().any()):
        return np.ascontiguousarray(series.to_numpy(dtype='int64' if dtype == 'i' else 'float64'))
    missing = series.isna()
    cells = series.astype(object)
    if missing.any():
        cells = cells.where(~missing, None)
    values = cells.tolist()
    if kind == 'Int' and dtype == 'f':  # integers with gaps are floats in pandas
        return [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
    return values


class ArrowSource(Source):
    def __init__(self, table: Any) -> None:
        import pyarrow as pa

        try:
            self._table = table if isinstance(table, pa.Table) else pa.table(table)
        except (pa.ArrowInvalid, TypeError) as failure:
            raise unsupported(f'{type(table).__name__} is no table of Arrow: {failure}') from failure

    def insert_into(self, table: _native.Table, on_error: str) -> _native.UpdateStatus:
        return table.insert_arrow(self._table.to_batches(max_chunksize=1 << 16), on_error)

    def infer(self) -> dict[str, ColumnType]:
        import pyarrow as pa

        schema = self._table.schema
        empty = pa.record_batch([pa.array([], field.type) for field in schema], schema=schema)
        return {name: type_.as_nullable() for name, type_ in _native.arrow_types(empty)}


def _inferred(name: str, values: list[Any]) -> ColumnType:
    """The narrowest type of some values: Int and Float make Float, anything else that differs makes Json."""
    kinds = []
    for value in values:
        if value is None:
            continue
        try:
            type_ = _native.Expr.literal(value).type
        except RequestError as failure:
            raise RequestError(ErrorCode.INVALID_TYPE, f"column '{name}': no type holds {value!r}") from failure
        if type_ not in kinds:
            kinds.append(type_)
    if not kinds:
        raise RequestError(
            ErrorCode.INVALID_TYPE, f"column '{name}': its type is not known, as all its values are None; give a schema"
        )
    if len(kinds) == 1:
        return kinds[0].as_nullable()
    names = {type_.kind for type_ in kinds}
    if names == {'Int', 'Float'}:
        return _native.Type('Float', True)
    if len(names) == 1 and names <= {'Array', 'Image'}:
        return _native.Type(names.pop(), True)
    if names <= {'Int', 'Float', 'String', 'Bool', 'Json'}:
        return _native.Type('Json', True)
    raise RequestError(ErrorCode.INVALID_TYPE, f"column '{name}' has values of {len(names)} kinds: {sorted(names)}")


def source_of(source: Any) -> Source:
    """How `source` is read; an error for what is no source of rows."""
    from intarsia._query import Query
    from intarsia.results import ResultSet
    from intarsia.table import Table

    if isinstance(source, Table | Query):
        return RowSource(iter(source.collect()))
    if isinstance(source, ResultSet):
        return RowSource(iter(source))
    if 'pandas' in sys.modules and isinstance(source, sys.modules['pandas'].DataFrame):
        return PandasSource(source)
    if hasattr(source, '__arrow_c_stream__') or hasattr(source, '__arrow_c_array__'):
        return ArrowSource(source)
    if isinstance(source, list | tuple | Iterator):
        return RowSource(source)
    raise unsupported(
        f'rows come as a list of dicts, a pandas DataFrame, an Arrow table or a query, not as {type(source).__name__}'
    )
