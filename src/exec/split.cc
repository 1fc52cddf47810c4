// SPDX-License-Identifier: Apache-2.0
#include "exec/split.h"

#include <algorithm>

#include "exec/input_rows.h"

namespace intarsia {

namespace {

constexpr std::int64_t kFirstRows = 8;

}  // namespace

Split::Split(Engine& engine, OperatorPtr input, std::int64_t most_rows)
    : engine_(engine), input_(std::move(input)), size_(kFirstRows, most_rows, engine.memory()->batch_bytes()) {}

std::optional<RowSet> Split::next() {
  size_.learn(given_.num_rows, given_.byte_size());
  given_ = {};
  if (next_row_ == rows_.num_rows) {
    std::optional<RowSet> rows = input_->next();
    if (!rows) return std::nullopt;
    rows_ = std::move(*rows);
    next_row_ = 0;
  }
  engine_.check_interrupt();
  RowSet batch = rows_.slice(next_row_, std::min(size_.rows(), rows_.num_rows - next_row_));
  next_row_ += batch.num_rows;
  given_.num_rows = batch.num_rows;
  for (auto& [id, column] : batch.columns) {
    if (!column.type().is_media()) continue;
    column = with_media_cells(column);
    given_.columns.emplace(id, column);
  }
  return batch;
}

}  // namespace intarsia
