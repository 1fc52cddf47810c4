# SPDX-License-Identifier: Apache-2.0
"""The progress line of long work, on stderr. A terminal or a notebook sees it move; a pipe gets the last line only."""

from __future__ import annotations

import sys

_QUIET_SECONDS = 1.0  # work that is done by then shows nothing
_BAR_WIDTH = 24
_shown = 0  # characters of the line that stands now


def _rate(n: int, seconds: float) -> str:
    rate = n / seconds if seconds > 0 else 0.0
    return f'{rate:,.0f}' if rate >= 10 else f'{rate:.1f}'


def _line(operation: str, rows: int, total: int, cells: int, seconds: float) -> str:
    parts = [operation]
    if total > 0:
        share = min(rows / total, 1.0)
        filled = int(share * _BAR_WIDTH)
        parts.append(f'[{"#" * filled}{"." * (_BAR_WIDTH - filled)}] {share:4.0%}')
    parts.append(f'{rows:,} rows, {_rate(rows, seconds)} rows/s')
    if cells:
        parts.append(f'{cells:,} cells, {_rate(cells, seconds)} cells/s')
    parts.append(f'{seconds:.1f} s')
    return '  '.join(parts)


def _moves() -> bool:
    return sys.stderr.isatty() or 'ipykernel' in sys.modules


def show(operation: str, rows: int, total: int, cells: int, seconds: float, finished: bool) -> None:
    global _shown
    if seconds < _QUIET_SECONDS or (not finished and not _moves()) or sys.stderr is None:
        return
    line = _line(operation, rows, total, cells, seconds)
    if _moves():
        line = '\r' + line.ljust(_shown)
        _shown = 0 if finished else len(line) - 1
    sys.stderr.write(line + ('\n' if finished else ''))
    sys.stderr.flush()
