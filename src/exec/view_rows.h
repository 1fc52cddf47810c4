// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "catalog/tree.h"
#include "exec/row_set.h"
#include "exec/threads.h"
#include "function/iterator.h"

namespace intarsia {

/// A row of the base that its view's iterator cannot expand.
class RowFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The iterator function of an iterator view. Throws Error(kFunctionNotFound).
[[nodiscard]] const IteratorFunction& iterator_of(const TableDef& view);
/// The columns of its outputs, in their order; the position is not among them.
[[nodiscard]] std::vector<const ColumnDef*> output_columns(const TableDef& view);

/// Expands rows of a base into rows of an iterator view, batch by batch.
class ViewRowBuilder {
 public:
  /// Outputs that are not stored are made only if `wanted` has their columns. A batch ends with `most_rows`, or with
  /// the row that makes it `most_bytes`.
  ViewRowBuilder(const TableDef& view, const std::set<std::int64_t>& wanted, std::int64_t most_rows,
                 std::int64_t most_bytes);

  /// Runs the iterator for row `row` of its arguments and calls `full` whenever a batch is there. A row with a null
  /// where the iterator needs a value has no rows. Throws RowFailure.
  void expand(std::span<const Column> args, std::int64_t row, const std::function<void()>& full);
  [[nodiscard]] std::int64_t num_rows() const { return static_cast<std::int64_t>(base_rows_.size()); }
  /// The batch, with the base row of each of its rows; the builder is empty afterwards.
  RowSet finish(std::vector<std::int64_t>& base_rows);

 private:
  void start_batch();
  [[nodiscard]] bool is_full() const;

  const TableDef& view_;
  const IteratorFunction& iterator_;
  std::vector<const ColumnDef*> outputs_;
  std::vector<bool> made_;
  std::int64_t most_rows_;
  std::int64_t most_bytes_;
  std::vector<std::unique_ptr<ColumnBuilder>> cells_;  // one per output; null: not made
  std::vector<ColumnBuilder*> builders_;
  std::vector<std::int64_t> positions_;
  std::vector<std::int64_t> base_rows_;
};

/// Adds the outputs that are not stored and that `wanted` names to `rows`, rows of `view` with their stored outputs;
/// `base` has the base row of each.
void decode_outputs(const Tree& tree, const TableDef& view, Threads& threads, const RowSet& base,
                    const std::set<std::int64_t>& wanted, RowSet& rows);

}  // namespace intarsia
