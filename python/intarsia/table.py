# SPDX-License-Identifier: Apache-2.0
"""Tables and views."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from intarsia import _display, _instance
from intarsia._async import async_variant
from intarsia._columns import check_column_name, computed_column, declared_columns
from intarsia._cursor import ResultCursor
from intarsia._native import Table as NativeTable
from intarsia._query import Query
from intarsia.exceptions import (
    ErrorCode,
    NotFoundError,
    RequestError,
    invalid_argument,
    refuse_arguments,
    unsupported,
)
from intarsia.exprs import ColumnRef, Expr
from intarsia.metadata import TableMetadata, VersionMetadata, table_metadata, version_metadata
from intarsia.results import ResultSet
from intarsia.types import is_type
from intarsia.update_status import UpdateStatus, status_of

if TYPE_CHECKING:
    import pandas as pd


class Table:
    """A table or a view. `t.name` and `t['name']` are its columns, for expressions.

    >>> t = pxt.create_table('films', {'title': pxt.String, 'year': pxt.Int | None})
    >>> t.insert([{'title': 'Metropolis', 'year': 1927}])
    >>> t.where(t.year < 1930).select(t.title).collect()
    """

    def __init__(self, native: NativeTable) -> None:
        self._native = native

    # ---- columns -------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> ColumnRef:
        if name.startswith('_'):
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        try:
            return ColumnRef(self._native.column(name))
        except NotFoundError as failure:
            raise AttributeError(f'Unknown column: {name} ({failure})') from None

    def __getitem__(self, name: str) -> ColumnRef:
        if not isinstance(name, str):
            raise invalid_argument(f'a table is indexed by column name, got {name!r}')
        return getattr(self, name)  # type: ignore[no-any-return]

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.columns()})

    def columns(self) -> list[str]:
        """Names of all columns, its own before those of its base."""
        return [column.name for column in self._native.info().columns]

    # ---- queries -------------------------------------------------------------------------------------------------

    def _query(self) -> Query:
        return Query(self, self._native.query())

    def select(self, *items: Any, **named_items: Any) -> Query:
        """Columns of the result: expressions or literals, named by keyword or after what they are."""
        return self._query().select(*items, **named_items)

    def where(self, pred: Expr) -> Query:
        """Rows for which `pred` is true."""
        return self._query().where(pred)

    def order_by(self, *items: Expr, asc: bool = True) -> Query:
        return self._query().order_by(*items, asc=asc)

    def group_by(self, *items: Expr) -> Query:
        return self._query().group_by(*items)

    def limit(self, n: int, offset: int | None = None) -> Query:
        return self._query().limit(n, offset)

    def collect(self) -> ResultSet:
        return self._query().collect()

    def cursor(self) -> ResultCursor:
        """The rows one after the other, in bounded memory."""
        return self._query().cursor()

    def count(self) -> int:
        return self._query().count()

    def head(self, n: int = 10) -> ResultSet:
        """The first `n` rows in insertion order."""
        return self._query().head(n)

    def tail(self, n: int = 10) -> ResultSet:
        """The last `n` rows, in insertion order."""
        return self._query().tail(n)

    def show(self, n: int = 20) -> ResultSet:
        return self._query().show(n)

    acollect = async_variant(collect)
    acount = async_variant(count)
    ahead = async_variant(head)
    atail = async_variant(tail)
    ashow = async_variant(show)

    # ---- changes -------------------------------------------------------------------------------------------------

    def insert(
        self,
        source: Any = None,
        /,
        *,
        source_format: str | None = None,
        schema_overrides: dict[str, Any] | None = None,
        on_error: str = 'abort',
        print_stats: bool = False,
        return_rows: bool = False,
        **kwargs: Any,
    ) -> UpdateStatus:
        """Adds rows: a list of dicts, a pandas DataFrame, an Arrow table, a query, or one row by keywords.

        Media cells are paths, URLs, bytes, or PIL images. `on_error='ignore'`: a cell that cannot be computed or a
        media file that cannot be opened is a cell with an error, and the row is inserted all the same.

        >>> t.insert([{'name': 'a', 'image': 'a.jpg'}, {'name': 'b', 'image': 'b.jpg'}])
        >>> t.insert(name='c', image='c.jpg')
        """
        from intarsia._sources import RowSource, source_of

        refuse_arguments(
            'insert', source_format=source_format, schema_overrides=schema_overrides, return_rows=return_rows
        )
        if source is not None and kwargs:
            raise unsupported(f'insert takes rows or keywords, not both; got keywords {", ".join(kwargs)}')
        start = time.monotonic()
        rows = RowSource([kwargs]) if source is None else source_of(source)
        status = status_of(rows.insert_into(self._native, on_error))
        if print_stats:
            print(status.insert_msg(start))
        return status

    def update(self, value_spec: dict[str, Any], where: Expr | None = None, cascade: bool = True) -> UpdateStatus:
        """Gives columns new values, or the values of expressions over each row as it was, where `where` is true.

        What is computed from these columns is computed again, in views too, and filtered views let rows in and out; an
        error there stays in its cell. `cascade=False`: all of that stays as it is.

        >>> t.update({'price': t.price * 1.1, 'note': 'raised'}, where=t.year < 2000)
        """
        from intarsia._changes import assignments, condition

        values = assignments(self._native, value_spec)
        return status_of(self._native.update(values, condition('update', where), cascade))

    def delete(self, where: Expr | None = None) -> UpdateStatus:
        """Deletes the rows for which `where` is true, or all of them, and what views made of them."""
        from intarsia._changes import condition

        return status_of(self._native.delete_rows(condition('delete', where)))

    def add_computed_column(
        self,
        *,
        stored: bool | None = None,
        destination: str | None = None,
        custom_metadata: Any = None,
        comment: str = '',
        print_stats: bool = False,
        on_error: str = 'abort',
        if_exists: str = 'error',
        **kwargs: Any,
    ) -> UpdateStatus:
        """Adds a column that computes itself, for the rows that are there and for all that come.

        >>> t.add_computed_column(thumbnail=t.image.resize((96, 96)), on_error='ignore')
        """
        refuse_arguments('add_computed_column', destination=destination)
        if len(kwargs) != 1:
            given = ', '.join(kwargs) or 'none'
            raise unsupported(f'add_computed_column takes one column, name=expression; got {len(kwargs)} ({given})')
        [(name, value)] = kwargs.items()
        column = computed_column(name, value, stored=stored, comment=comment, custom_metadata=custom_metadata)
        start = time.monotonic()
        status = status_of(self._native.add_computed_column(column, on_error, if_exists))
        if print_stats:
            seconds = time.monotonic() - start
            print(f"Column '{name}': {status.num_rows} rows with {status.num_excs} errors in {seconds:.2f} s")
        return status

    def add_column(self, *, if_exists: str = 'error', **kwargs: Any) -> UpdateStatus:
        """Adds a column of values, null in the rows that are there.

        >>> t.add_column(note=pxt.String | None)
        """
        if len(kwargs) != 1:
            given = ', '.join(kwargs) or 'none'
            raise unsupported(
                f'add_column() requires exactly one keyword argument of the form col_name=col_type; got {len(kwargs)} '
                f'arguments instead ({given})'
            )
        [(name, spec)] = kwargs.items()
        if isinstance(spec, Expr) or not (isinstance(spec, dict) or is_type(spec) or isinstance(spec, type)):
            raise invalid_argument(
                f"add_column(): column '{name}' needs a type; did you mean add_computed_column()? Got {spec!r}"
            )
        return self.add_columns(kwargs, if_exists)

    def add_columns(self, schema: dict[str, Any], if_exists: str = 'error') -> UpdateStatus:
        """Adds several columns, declared as for create_table: those of values at once, then computed ones.

        `if_exists`: 'error', 'ignore' (it stays as it is), 'replace' or 'replace_force' (it gives way, unless something
        depends on it).
        """
        return status_of(self._native.add_columns(declared_columns(schema), if_exists))

    def drop_column(self, column: str | ColumnRef, if_not_exists: str = 'error') -> None:
        """Drops a column on which no other column and no view depends."""
        self._native.drop_column(self._column_name('drop_column', column), if_not_exists)

    def rename_column(self, old_name: str, new_name: str) -> None:
        """Gives a column another name; expressions that use it follow."""
        check_column_name(new_name)
        self._native.rename_column(self._column_name('rename_column', old_name), new_name)

    def _column_name(self, call: str, column: Any) -> str:
        if isinstance(column, ColumnRef):
            name = column._native.text()
            if name not in self.columns() or not self._native.column(name).same_as(column._native):
                raise NotFoundError(ErrorCode.COLUMN_NOT_FOUND, f'Unknown column: {name}')
            return name
        if not isinstance(column, str):
            raise RequestError(ErrorCode.TYPE_MISMATCH, f'{call}() takes a column or its name, got {column!r}')
        return column

    ainsert = async_variant(insert)
    aupdate = async_variant(update)
    adelete = async_variant(delete)
    aadd_computed_column = async_variant(add_computed_column)
    aadd_column = async_variant(add_column)
    aadd_columns = async_variant(add_columns)
    adrop_column = async_variant(drop_column)
    arename_column = async_variant(rename_column)

    # ---- what it is ----------------------------------------------------------------------------------------------

    def get_base_table(self) -> Table | None:
        """The table that a view stands on; None for a table."""
        base = self._native.base
        return None if base is None else table_of(base)

    def list_views(self, *, recursive: bool = True) -> list[str]:
        """Paths of the views on it."""
        return [view.path for view in self._native.views(recursive)]

    def get_versions(self, n: int | None = None) -> list[VersionMetadata]:
        """What happened to it, the newest first."""
        return [version_metadata(version) for version in self._native.history(n)]

    def history(self, n: int | None = None) -> pd.DataFrame:
        """The same as a DataFrame."""
        import pandas as pd

        columns = ['version', 'created_at', 'user', 'change_type', 'inserts', 'updates', 'deletes', 'errors']
        return pd.DataFrame(self.get_versions(n), columns=[*columns, 'schema_change'])

    def get_metadata(self) -> TableMetadata:
        """Everything about it and its columns, as a dict."""
        return table_metadata(self._native)

    def _title(self) -> str:
        info = self._native.info()
        base = self._native.base
        lines = [f"{info.kind} '{info.path}'" + (f" (of '{base.path}')" if base is not None else '')]
        if info.predicate:
            lines.append(f'Where: {info.predicate}')
        if info.comment:
            lines.append(f'COMMENT: {info.comment}')
        return '\n'.join(lines)

    def _column_rows(self) -> list[tuple[str, ...] | None]:
        """Name, type, source, what computes it, comment; None where the columns of the base begin."""
        rows: list[tuple[str, ...] | None] = []
        info = self._native.info()
        iterator = info.iterator.partition('(')[0]
        last_table = self._native.id
        for column in info.columns:
            if column.table_id != last_table and rows:
                rows.append(None)
            last_table = column.table_id
            computed = '' if column.value is None else column.value.text()
            if column.from_iterator:
                computed = iterator
            rows.append((column.name, str(column.type), column.defined_in, computed, column.comment))
        return rows

    def __repr__(self) -> str:
        return f'{self._title()}\n\n{_display.text_table(_COLUMN_HEADERS, self._column_rows())}'

    def _repr_html_(self) -> str:
        import html

        return f'<b>{html.escape(self._title())}</b>' + _display.html_table(_COLUMN_HEADERS, self._column_rows())

    def describe(self) -> None:
        """Prints its columns."""
        _display.show(repr(self), self._repr_html_())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (_instance.settings(), self._native.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._native.id == other._native.id

    def __hash__(self) -> int:
        return hash(self._native.id)


_COLUMN_HEADERS = ('Column Name', 'Type', 'Source', 'Computed With', 'Comment')


class InsertableTable(Table):
    """A table that rows are inserted into."""


class View(Table):
    """A table whose rows derive from a base."""


def table_of(native: NativeTable) -> Table:
    return View(native) if native.base is not None else InsertableTable(native)


def _restored(settings: list[tuple[str, str]], table_id: int) -> Table:
    return table_of(_instance.restore(settings).table_of_id(table_id))
