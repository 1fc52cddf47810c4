# SPDX-License-Identifier: Apache-2.0
"""Intarsia: tables of images, video, audio, documents, JSON, arrays and plain values, with columns that compute
themselves.

    import intarsia as pxt

    photos = pxt.create_table('photos', {'photo': pxt.Image})
    photos.add_computed_column(thumbnail=photos.photo.resize((96, 96)))
    photos.insert([{'photo': 'a.jpg'}])
"""

from intarsia import exceptions, functions
from intarsia._cursor import ResultCursor, Row
from intarsia._instance import home, init
from intarsia._native import version as __version__
from intarsia._query import Query
from intarsia.catalog import (
    DirContents,
    OperationMetadata,
    acreate_dir,
    acreate_table,
    acreate_view,
    adrop_dir,
    adrop_table,
    aget_table,
    alist_tables,
    array,
    clear_results,
    create_dir,
    create_table,
    create_view,
    discard_dead,
    drop_dir,
    drop_table,
    function_stats,
    get_dir_contents,
    get_table,
    kept_results,
    list_dirs,
    list_functions,
    list_tables,
    ls,
    operations,
    resume,
)
from intarsia.exceptions import (
    AlreadyExistsError,
    AuthorizationError,
    ConcurrencyError,
    Error,
    ErrorCode,
    ExternalServiceError,
    InternalError,
    NotFoundError,
    RequestError,
    ServiceUnavailableError,
    UserError,
)
from intarsia.func import Function, udf
from intarsia.metadata import ColumnMetadata, TableMetadata, VersionMetadata
from intarsia.results import ResultSet
from intarsia.table import InsertableTable, Table, View
from intarsia.types import (
    UUID,
    Array,
    Audio,
    Binary,
    Bool,
    Date,
    Document,
    Float,
    Image,
    Int,
    Json,
    Required,
    String,
    Timestamp,
    Video,
)
from intarsia.update_status import UpdateStatus

__all__ = [
    'UUID',
    'AlreadyExistsError',
    'Array',
    'Audio',
    'AuthorizationError',
    'Binary',
    'Bool',
    'ColumnMetadata',
    'ConcurrencyError',
    'Date',
    'DirContents',
    'Document',
    'Error',
    'ErrorCode',
    'ExternalServiceError',
    'Float',
    'Function',
    'Image',
    'InsertableTable',
    'Int',
    'InternalError',
    'Json',
    'NotFoundError',
    'OperationMetadata',
    'Query',
    'RequestError',
    'Required',
    'ResultCursor',
    'ResultSet',
    'Row',
    'ServiceUnavailableError',
    'String',
    'Table',
    'TableMetadata',
    'Timestamp',
    'UpdateStatus',
    'UserError',
    'VersionMetadata',
    'Video',
    'View',
    '__version__',
    'acreate_dir',
    'acreate_table',
    'acreate_view',
    'adrop_dir',
    'adrop_table',
    'aget_table',
    'alist_tables',
    'array',
    'clear_results',
    'create_dir',
    'create_table',
    'create_view',
    'discard_dead',
    'drop_dir',
    'drop_table',
    'exceptions',
    'function_stats',
    'functions',
    'get_dir_contents',
    'get_table',
    'home',
    'init',
    'kept_results',
    'list_dirs',
    'list_functions',
    'list_tables',
    'ls',
    'operations',
    'resume',
    'udf',
]
