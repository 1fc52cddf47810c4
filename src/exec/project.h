// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"
#include "plan/query_plan.h"

namespace intarsia {

/// The columns of the result and the sort keys, under their ids; nothing else goes on.
class Project : public Operator {
 public:
  Project(Engine& engine, OperatorPtr input, const QueryPlan& plan);

  std::optional<RowSet> next() override;

 private:
  struct Item {
    std::int64_t id;
    Expr expr;  // empty: the input has it
  };

  Engine& engine_;
  OperatorPtr input_;
  std::vector<Item> items_;
  std::int64_t first_row_ = 0;
};

}  // namespace intarsia
