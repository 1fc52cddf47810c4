# SPDX-License-Identifier: Apache-2.0
"""A table as a dict: what `get_metadata` gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from intarsia import _native

if TYPE_CHECKING:
    import datetime
    import uuid


class ColumnMetadata(TypedDict):
    name: str
    type_: str
    version_added: int
    is_stored: bool
    is_primary_key: bool
    media_validation: str | None
    is_computed: bool
    computed_with: str | None
    is_builtin: bool | None  # computed by functions of the engine alone
    depends_on: list[tuple[str, str]] | None  # (table, column)
    defined_in: str
    comment: str | None
    custom_metadata: Any
    is_iterator_col: bool
    destination: str | None


class TableMetadata(TypedDict):
    id: uuid.UUID
    name: str
    path: str
    columns: dict[str, ColumnMetadata]
    indexes: dict[str, Any]
    is_data_versioned: bool
    has_default_idxs: bool
    is_view: bool
    is_snapshot: bool
    version: int
    version_created: datetime.datetime | None
    schema_version: int
    comment: str | None
    custom_metadata: Any
    media_validation: str
    primary_key: list[str] | None
    kind: str
    base: str | None
    view_filter: str | None
    view_sample: str | None
    iterator_call: str | None


class VersionMetadata(TypedDict):
    version: int
    created_at: datetime.datetime
    user: str | None
    change_type: str  # 'data' or 'schema'
    inserts: int
    updates: int
    deletes: int
    errors: int
    schema_change: str | None


def _column(column: _native.ColumnInfo, names: dict[int, str]) -> ColumnMetadata:
    value = column.value
    return {
        'name': column.name,
        'type_': str(column.type),
        'version_added': column.version_added,
        'is_stored': column.stored,
        'is_primary_key': column.primary_key,
        'media_validation': column.media_validation,
        'is_computed': value is not None,
        'computed_with': None if value is None else value.text(),
        'is_builtin': None if value is None else not any(name.startswith(('py:', 'cc:')) for name in value.calls),
        'depends_on': None if value is None else [(names.get(table, ''), name) for table, name in value.columns],
        'defined_in': column.defined_in,
        'comment': column.comment or None,
        'custom_metadata': json.loads(column.custom_metadata) if column.custom_metadata else None,
        'is_iterator_col': column.from_iterator,
        'destination': None,
    }


def table_metadata(table: _native.Table) -> TableMetadata:
    import uuid

    info = table.info()
    columns = info.columns
    names = {column.table_id: column.defined_in for column in columns}
    base = table.base
    history = table.history(None)
    keys = [column.name for column in columns if column.primary_key and column.table_id == table.id]
    return {
        'id': uuid.UUID(info.uuid),
        'name': info.name,
        'path': info.path,
        'columns': {column.name: _column(column, names) for column in columns},
        'indexes': {},
        'is_data_versioned': True,
        'has_default_idxs': False,
        'is_view': info.kind == 'view',
        'is_snapshot': False,
        'version': table.version,
        'version_created': history[0].created_at if history else None,
        'schema_version': max((v.version for v in history if v.schema_change), default=0),
        'comment': info.comment or None,
        'custom_metadata': json.loads(info.custom_metadata) if info.custom_metadata else None,
        'media_validation': info.media_validation,
        'primary_key': keys or None,
        'kind': info.kind,
        'base': None if base is None else base.path,
        'view_filter': info.predicate or None,
        'view_sample': None,
        'iterator_call': info.iterator or None,
    }


def version_metadata(version: _native.VersionInfo) -> VersionMetadata:
    return {
        'version': version.version,
        'created_at': version.created_at,
        'user': version.user or None,
        'change_type': 'schema' if version.schema_change else 'data',
        'inserts': version.counts.inserted,
        'updates': version.counts.updated,
        'deletes': version.counts.deleted,
        'errors': version.counts.errors,
        'schema_change': version.description or None,
    }
