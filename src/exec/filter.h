// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"
#include "intarsia/expr.h"

namespace intarsia {

/// Rows for which every condition is true. A condition sees only the rows that those before it let through.
class Filter : public Operator {
 public:
  Filter(Engine& engine, OperatorPtr input, std::vector<Expr> conditions)
      : engine_(engine), input_(std::move(input)), conditions_(std::move(conditions)) {}

  std::optional<RowSet> next() override;

 private:
  RowSet filtered(RowSet rows);

  Engine& engine_;
  OperatorPtr input_;
  std::vector<Expr> conditions_;
  std::int64_t first_row_ = 0;
};

}  // namespace intarsia
