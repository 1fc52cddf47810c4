# SPDX-License-Identifier: Apache-2.0
"""A table as a dict: what `get_metadata` gives."""

from __future__ import annotations

import json
from typing import Any

from intarsia import _native


def _column(column: _native.ColumnInfo, names: dict[int, str]) -> dict[str, Any]:
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


def table_metadata(table: _native.Table) -> dict[str, Any]:
    import uuid

    columns = table.columns()
    names = {column.table_id: column.defined_in for column in columns}
    base = table.base
    history = table.history(None)
    keys = [column.name for column in columns if column.primary_key and column.table_id == table.id]
    return {
        'id': uuid.UUID(table.uuid),
        'name': table.name,
        'path': table.path,
        'columns': {column.name: _column(column, names) for column in columns},
        'indexes': {},
        'is_data_versioned': True,
        'has_default_idxs': False,
        'is_view': table.kind == 'view',
        'is_snapshot': False,
        'version': table.version,
        'version_created': history[0].created_at if history else None,
        'schema_version': max((v.version for v in history if v.schema_change), default=0),
        'comment': table.comment or None,
        'custom_metadata': json.loads(table.custom_metadata) if table.custom_metadata else None,
        'media_validation': 'on_write',
        'primary_key': keys or None,
        'kind': table.kind,
        'base': None if base is None else base.path,
        'view_filter': table.predicate_text or None,
        'view_sample': None,
        'iterator_call': table.iterator_text or None,
    }
