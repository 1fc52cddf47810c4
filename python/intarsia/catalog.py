# SPDX-License-Identifier: Apache-2.0
"""Directories, tables and views by path: `a.b.c` or `a/b/c`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from intarsia import _native
from intarsia._async import async_variant
from intarsia._columns import declared_columns
from intarsia._instance import database, overrides
from intarsia._instance import rate_limits as shared_pace
from intarsia._query import Query
from intarsia.exceptions import ErrorCode, RequestError, invalid_argument, refuse_arguments, unsupported
from intarsia.exprs import Expr
from intarsia.table import Table, table_of

if TYPE_CHECKING:
    import pandas as pd

    from intarsia.func import Function


class DirContents(TypedDict):
    """What is in a directory, by path."""

    dirs: list[str]
    tables: list[str]


def _require_path(path: Any) -> str:
    if not isinstance(path, str):
        raise RequestError(ErrorCode.INVALID_PATH, f"a path is a str such as 'dir.table', got {path!r}")
    return path


def _metadata_json(custom_metadata: Any) -> str:
    import json

    try:
        return '' if custom_metadata is None else json.dumps(custom_metadata)
    except (TypeError, ValueError) as failure:
        raise invalid_argument(f'custom_metadata holds what JSON can hold: {failure}') from failure


def create_dir(path: str, *, if_exists: str = 'error', parents: bool = False) -> None:
    """Creates a directory; with `parents` also those above it."""
    database().create_directory(_require_path(path), if_exists, parents)


def drop_dir(path: str, force: bool = False, if_not_exists: str = 'error') -> None:
    """Drops a directory; with `force` also everything in it."""
    database().drop_directory(_require_path(path), force, if_not_exists)


def create_table(
    path: str,
    schema: dict[str, Any] | None = None,
    *,
    source: Any = None,
    source_format: str | None = None,
    schema_overrides: dict[str, Any] | None = None,
    has_default_idxs: bool = False,
    on_error: str = 'abort',
    primary_key: str | list[str] | None = None,
    comment: str | None = None,
    custom_metadata: Any = None,
    media_validation: str = 'on_write',
    if_exists: str = 'error',
    extra_args: dict[str, Any] | None = None,
) -> Table:
    """Creates a table from a schema, or from rows, whose types are inferred.

    A column is a type (`pxt.Int`, `pxt.Image | None`), an expression, or a dict with the keys type or value, stored,
    primary_key, media_validation, comment, custom_metadata.

    >>> pxt.create_table('shop.items', {'name': pxt.String, 'price': pxt.Float, 'photo': pxt.Image | None})
    >>> pxt.create_table('shop.old', source=[{'name': 'a', 'price': 2.5}], schema_overrides={'name': pxt.String})
    """
    refuse_arguments(
        'create_table', source_format=source_format, has_default_idxs=has_default_idxs, extra_args=extra_args
    )
    if (schema is None) == (source is None):
        raise RequestError(ErrorCode.MISSING_REQUIRED, 'create_table takes either a `schema` or a `source`')
    if schema_overrides and source is None:
        raise invalid_argument('schema_overrides= goes with source=')
    rows = None
    if source is not None:
        from intarsia._sources import source_of

        rows = source_of(source)
        schema = {**rows.infer(), **(schema_overrides or {})}
    columns = declared_columns(schema, primary_key)
    existed = rows is not None and if_exists == 'ignore' and database().find_table(_require_path(path)) is not None
    native = database().create_table(
        _require_path(path),
        columns,
        if_exists,
        media_validation,
        on_error,
        comment or '',
        _metadata_json(custom_metadata),
    )
    if rows is not None and not existed:
        try:
            rows.insert_into(native, on_error)
        except BaseException:
            database().drop_table_handle(native, True)
            raise
    return table_of(native)


def create_view(
    path: str,
    base: Table | Query,
    *,
    additional_columns: dict[str, Any] | None = None,
    is_snapshot: bool = False,
    has_default_idxs: bool = False,
    iterator: Expr | None = None,
    comment: str | None = None,
    custom_metadata: Any = None,
    media_validation: str = 'on_write',
    if_exists: str = 'error',
) -> Table:
    """Creates a view: the rows of a filter, or those that an iterator makes of each row of its base.

    >>> pxt.create_view('good', photos.where(photos.sharpness > 5))
    >>> pxt.create_view('frames', videos, iterator=frame_iterator(videos.video, fps=1))
    """
    refuse_arguments('create_view', is_snapshot=is_snapshot, has_default_idxs=has_default_idxs)
    if not isinstance(base, Table | Query):
        raise RequestError(ErrorCode.TYPE_MISMATCH, f'create_view: `base` is a table or a query, got {base!r}')
    if iterator is not None and not isinstance(iterator, Expr):
        raise RequestError(
            ErrorCode.TYPE_MISMATCH, f'create_view: `iterator` is a call of an iterator, got {iterator!r}'
        )
    table, predicate = (base, None) if isinstance(base, Table) else _base_of(base)
    native = database().create_view(
        _require_path(path),
        table._native,
        None if iterator is None else iterator._native,
        None if predicate is None else predicate._native,
        declared_columns(additional_columns) if additional_columns else [],
        if_exists,
        media_validation,
        comment or '',
        _metadata_json(custom_metadata),
    )
    return table_of(native)


def _base_of(query: Query) -> tuple[Table, Expr | None]:
    """The table of a query and its filter; a view keeps nothing else of it."""
    for clause in ('select', 'order_by', 'group_by', 'limit'):
        if clause in query._clauses:
            raise unsupported(f'`{clause}` cannot be used in a view definition')
    return query._table, query._clauses.get('where')


def get_table(path: str, if_not_exists: str = 'error') -> Table | None:
    """The table or view at a path."""
    if if_not_exists == 'error':
        return table_of(database().get_table(_require_path(path)))
    if if_not_exists != 'ignore':
        raise invalid_argument(f"if_not_exists must be one of 'error', 'ignore', got {if_not_exists!r}")
    native = database().find_table(_require_path(path))
    return None if native is None else table_of(native)


def drop_table(table: str | Table, force: bool = False, if_not_exists: str = 'error') -> None:
    """Drops a table or view; with `force` also the views on it."""
    if isinstance(table, Table):
        database().drop_table_handle(table._native, force)
    else:
        database().drop_table(_require_path(table), force, if_not_exists)


def _entries(path: str, recursive: bool) -> list[_native.DirectoryEntry]:
    return database().entries(_require_path(path), recursive)


def list_tables(dir_path: str = '', recursive: bool = True) -> list[str]:
    """Paths of the tables and views in a directory."""
    return [entry.path for entry in _entries(dir_path, recursive) if entry.kind != 'dir']


def list_dirs(path: str = '', recursive: bool = True) -> list[str]:
    """Paths of the directories in a directory."""
    return [entry.path for entry in _entries(path, recursive) if entry.kind == 'dir']


def get_dir_contents(dir_path: str = '', recursive: bool = True) -> DirContents:
    entries = _entries(dir_path, recursive)
    return {
        'dirs': [entry.path for entry in entries if entry.kind == 'dir'],
        'tables': [entry.path for entry in entries if entry.kind != 'dir'],
    }


def ls(path: str = '') -> pd.DataFrame:
    """What is in a directory, as a table to look at."""
    import pandas as pd

    rows = [
        (entry.name, entry.kind, '' if entry.kind == 'dir' else str(entry.version), entry.base)
        for entry in _entries(path, False)
    ]
    return pd.DataFrame(rows, columns=['Name', 'Kind', 'Version', 'Base'], index=[''] * len(rows))


acreate_table = async_variant(create_table)
acreate_view = async_variant(create_view)
aget_table = async_variant(get_table)
adrop_table = async_variant(drop_table)
acreate_dir = async_variant(create_dir)
adrop_dir = async_variant(drop_dir)
alist_tables = async_variant(list_tables)


class OperationMetadata(TypedDict):
    """An operation on its way, or one that died. `id` is None when nobody knows who began it."""

    id: int | None
    kind: str
    state: Literal['running', 'resumable', 'dead']
    description: str
    client: str
    user: str
    seconds: float
    rows: int
    total: int | None
    seconds_left: float | None


def operations() -> list[OperationMetadata]:
    """Operations that take time, the oldest first: running ones, fills whose processes died (resumable), and others
    that died and wait to be discarded."""
    found = cast(list[OperationMetadata], database().operations())
    for operation in found:
        rows, total = operation['rows'], operation['total'] or 0
        known = operation['state'] == 'running' and 0 < rows <= total
        operation['seconds_left'] = operation['seconds'] * (total - rows) / rows if known else None
    return found


def resume() -> int:
    """Finishes columns and views whose filling died; their number. Opening their table does it too."""
    return database().resume_fills()


def discard_dead() -> int:
    """Removes what operations that died have left, fills not counted; their number. Opening an instance does it too."""
    return database().discard_dead()


def doctor(fix: bool = False) -> pd.DataFrame:
    """Looks for what is wrong with the instance: its home, server, rows, files, operations and indexes. A row for each
    finding: where, what, the cure. With `fix`, what can be mended without losing anything is mended."""
    import pandas as pd

    return pd.DataFrame(_native.examine(overrides(), fix), columns=['where', 'what', 'cure', 'mended'])


def kept_results() -> pd.DataFrame:
    """Results of functions that take time, kept so that no finished call is made again, by function."""
    import pandas as pd

    return pd.DataFrame(database().kept_results(), columns=['function', 'results', 'bytes', 'seconds'])


def clear_results(function: Function | None = None) -> int:
    """Removes the kept results of one function, or all; their number. Calls are made again when needed."""
    return database().clear_results('' if function is None else function.self_path)


def function_stats(process: bool = False) -> pd.DataFrame:
    """What calls of functions came to in all processes, or in this one: calls (rows), seconds, retries, errors, and
    cache hits, which are results that were kept so that no call was made. What PostgreSQL evaluates is not counted."""
    import pandas as pd

    rows = _native.function_stats() if process else _native.instance_function_stats(database())
    return pd.DataFrame(rows, columns=['function', 'calls', 'seconds', 'retries', 'errors', 'cache_hits'])


def set_rate_limit(
    pool: str,
    *,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    calls_in_flight: int | None = None,
) -> None:
    """Sets what a service allows for the async functions of a resource pool, for all processes of the instance.

    `pool`: the name that `@udf(resource_pool=...)` gives, such as 'openai:gpt-4o'. What is None is not limited.
    """
    from intarsia._resource_pools import pool_name

    if not isinstance(pool, str) or not pool_name(pool):
        raise invalid_argument(f"set_rate_limit(): pool is a name such as 'openai:gpt-4o', got {pool!r}")
    shared_pace().set(pool_name(pool), requests_per_minute, tokens_per_minute, calls_in_flight)


def rate_limits() -> pd.DataFrame:
    """Resource pools with what their services allow, and for how many seconds they are paused."""
    import pandas as pd

    columns = ['pool', 'requests_per_minute', 'tokens_per_minute', 'calls_in_flight', 'paused_seconds']
    return pd.DataFrame(shared_pace().pools(), columns=columns)


def list_functions() -> pd.DataFrame:
    """All functions that this process knows."""
    import pandas as pd

    rows = []
    for info in _native.list_functions():
        if info.name.startswith(('op.', 'cell.')):
            continue
        family, _, name = info.name.rpartition('.')
        parameters = ', '.join(f'{parameter}: {type_}' for parameter, type_, *_ in info.parameters)
        rows.append((family, name, parameters, str(info.return_type)))
    return pd.DataFrame(rows, columns=['Path', 'Function Name', 'Parameters', 'Return Type'])


def array(elements: Any) -> Expr:
    """An array as a literal."""
    import numpy as np

    return Expr(_native.Expr.literal(np.asarray(elements)))
