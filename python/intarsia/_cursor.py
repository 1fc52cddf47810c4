# SPDX-License-Identifier: Apache-2.0
"""The rows of a query, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from intarsia import _async, _native
from intarsia.exceptions import ErrorCode, NotFoundError, RequestError

if TYPE_CHECKING:
    from intarsia._query import Query


_ROWS_AT_ONCE = 1000


class Row(Mapping[str, Any]):
    """A row of a result: its cells by name, in the order of the columns."""

    __slots__ = ('_cells',)

    def __init__(self, cells: dict[str, Any]) -> None:
        self._cells = cells

    def __getitem__(self, name: str) -> Any:
        try:
            return self._cells[name]
        except KeyError:
            raise NotFoundError(
                ErrorCode.COLUMN_NOT_FOUND, f'the row has no column {name!r}; it has {list(self._cells)}'
            ) from None

    def get(self, name: str, default: Any = None) -> Any:
        return self._cells.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._cells

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __repr__(self) -> str:
        return f'Row({self._cells!r})'


class ResultCursor:
    """Rows of a query that are read as they are asked for: for results larger than memory, or taken slowly.

    Iterating opens the cursor, and closes it at the end; a `with` block closes it early. However long an iteration
    takes, it holds no transaction open, and rows of operations that are published after it began are left out.

    >>> for row in t.select(t.name, t.image).cursor():
    ...     row['name']

    `async for` reads it off the event loop.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._schema = query.schema
        self._native: _native.Cursor | None = None
        self._closed = False

    @property
    def schema(self) -> dict[str, str]:
        """The type of each column of the result, as text."""
        return {name: str(type_) for name, type_ in self._schema.items()}

    def open(self) -> None:
        """Starts the query; iterating does it too. A cursor is opened once."""
        if self._native is not None:
            raise RequestError(ErrorCode.INVALID_STATE, 'the cursor is open already')
        if self._closed:
            raise RequestError(ErrorCode.INVALID_STATE, 'the cursor is closed and cannot be opened again; make another')
        self._native = self._query._native.cursor()

    def close(self) -> None:
        """Lets go of what the query holds. May be called again."""
        self._native = None
        self._closed = True

    def __enter__(self) -> ResultCursor:
        self.open()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Row]:
        if self._closed:
            raise RequestError(ErrorCode.INVALID_STATE, 'the cursor is closed and has no more rows; make another')
        if self._native is None:
            self.open()
        return self._rows()

    def __aiter__(self) -> AsyncIterator[Row]:
        if self._closed:
            raise RequestError(ErrorCode.INVALID_STATE, 'the cursor is closed and has no more rows; make another')
        return self._arows()

    async def _arows(self) -> AsyncIterator[Row]:
        try:
            if self._native is None:
                await _async.run(self.open)
            while (native := self._native) is not None:
                batch = await _async.run(native.next)
                if batch is None:
                    return
                for row in self._rows_of(batch):
                    yield row
        finally:
            self.close()

    def _rows(self) -> Iterator[Row]:
        try:
            while self._native is not None:
                batch = self._native.next()
                if batch is None:
                    return
                yield from self._rows_of(batch)
        finally:
            self.close()

    def _rows_of(self, batch: _native.ResultSet) -> Iterator[Row]:
        is_heavy = any(type_.is_media for type_ in self._schema.values())
        at_once = 1 if is_heavy else _ROWS_AT_ONCE
        for begin in range(0, batch.num_rows, at_once):
            for cells in batch.rows(begin, begin + at_once):
                if self._closed:
                    return
                yield Row(cells)

    def __repr__(self) -> str:
        state = 'closed' if self._closed else 'pending' if self._native is None else 'open'
        columns = ', '.join(f'{name}: {type_}' for name, type_ in self.schema.items())
        return f'ResultCursor({state}, columns=[{columns}])'
