// SPDX-License-Identifier: Apache-2.0
#include "exec/split.h"

#include <algorithm>

#include "exec/input_rows.h"

namespace intarsia {

Split::Split(Engine& engine, OperatorPtr input, std::int64_t rows_per_batch)
    : engine_(engine), input_(std::move(input)), rows_per_batch_(rows_per_batch) {}

std::optional<RowSet> Split::next() {
  if (next_row_ == rows_.num_rows) {
    std::optional<RowSet> rows = input_->next();
    if (!rows) return std::nullopt;
    rows_ = std::move(*rows);
    next_row_ = 0;
  }
  engine_.check_interrupt();
  RowSet batch = rows_.slice(next_row_, std::min(rows_per_batch_, rows_.num_rows - next_row_));
  next_row_ += batch.num_rows;
  for (auto& [id, column] : batch.columns)
    if (column.type().is_media()) column = with_media_cells(column);
  return batch;
}

}  // namespace intarsia
