# SPDX-License-Identifier: Apache-2.0
"""What an operation did."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from intarsia import _native


class RowCountStats(NamedTuple):
    """Rows and cells of one change. `num_excs`: cells with an error."""

    ins_rows: int = 0
    del_rows: int = 0
    upd_rows: int = 0
    num_excs: int = 0
    computed_values: int = 0

    @property
    def num_rows(self) -> int:
        return self.ins_rows + self.del_rows + self.upd_rows


class UpdateStatus(NamedTuple):
    """What an operation did: to the table that it was called on, and (`cascade_...`) to its views."""

    updated_cols: Sequence[str] = ()
    cols_with_excs: Sequence[str] = ()
    rows: list[dict[str, Any]] | None = None
    row_count_stats: RowCountStats = RowCountStats()
    cascade_row_count_stats: RowCountStats = RowCountStats()

    @property
    def num_rows(self) -> int:
        return self.row_count_stats.num_rows + self.cascade_row_count_stats.num_rows

    @property
    def num_excs(self) -> int:
        return self.row_count_stats.num_excs + self.cascade_row_count_stats.num_excs

    @property
    def num_computed_values(self) -> int:
        return self.row_count_stats.computed_values + self.cascade_row_count_stats.computed_values

    @property
    def pxt_rows_updated(self) -> int:
        return self.row_count_stats.upd_rows + self.cascade_row_count_stats.upd_rows

    def insert_msg(self, start_ts: float | None = None) -> str:
        """One line about an insert. `start_ts`: time.monotonic() when it began."""
        message = f'Inserted {self.num_rows} row{"" if self.num_rows == 1 else "s"} with {self.num_excs} errors'
        if start_ts is None:
            return message + '.'
        seconds = max(time.monotonic() - start_ts, 1e-9)
        return f'{message} in {seconds:.2f} s ({self.num_rows / seconds:.2f} rows/s)'

    def insert_to_update(self) -> UpdateStatus:
        """The same counts with inserted rows as updated ones."""

        def moved(stats: RowCountStats) -> RowCountStats:
            return stats._replace(ins_rows=0, upd_rows=stats.ins_rows + stats.upd_rows)

        return self._replace(
            row_count_stats=moved(self.row_count_stats), cascade_row_count_stats=moved(self.cascade_row_count_stats)
        )

    def to_cascade(self) -> UpdateStatus:
        """The same counts as those of views."""
        both = RowCountStats(*(a + b for a, b in zip(self.row_count_stats, self.cascade_row_count_stats, strict=True)))
        return self._replace(row_count_stats=RowCountStats(), cascade_row_count_stats=both)


def status_of(native: _native.UpdateStatus) -> UpdateStatus:
    def counts(of: _native.RowCounts) -> RowCountStats:
        return RowCountStats(of.inserted, of.deleted, of.updated, of.errors, of.computed_values)

    return UpdateStatus(
        list(native.updated_columns),
        list(native.columns_with_errors),
        None,
        counts(native.table),
        counts(native.cascade),
    )
