// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"
#include "function/iterator.h"

namespace intarsia {

/// Adds the outputs of an iterator view that are not stored. Rows come in the order of its base rows and positions, so
/// that one decoder passes once over each of them. Gives small batches: decoded cells are large.
class Decode : public Operator {
 public:
  /// `tree` and `view` must outlive the operator.
  Decode(Engine& engine, const Tree& tree, const TableDef& view, OperatorPtr input);

  std::optional<RowSet> next() override;

  /// Columns that the rows must have: the stored outputs, and what the iterator's arguments are computed from.
  [[nodiscard]] static std::vector<std::int64_t> inputs(const Tree& tree, const TableDef& view);

 private:
  Engine& engine_;
  const TableDef& view_;
  std::vector<Expr> args_;
  std::vector<const ColumnDef*> outputs_;
  std::unique_ptr<OutputDecoder> decoder_;
  OperatorPtr input_;
  RowSet rows_;  // what is left of the input's batch, from next_row_ on
  std::int64_t next_row_ = 0;
  BatchSize size_;
};

}  // namespace intarsia
