// SPDX-License-Identifier: Apache-2.0
#include "exec/filter.h"

#include "exec/cell_failures.h"
#include "exec/evaluate.h"

namespace intarsia {

std::optional<RowSet> Filter::next() {
  while (std::optional<RowSet> rows = input_->next()) {
    engine_.check_interrupt();
    for (const Expr& condition : conditions_) {
      const Column truth = Evaluator(engine_.threads(), *rows).evaluate(condition);
      const std::vector<std::int64_t> kept = true_rows(without_failures(truth, condition, "where()", 0));
      if (static_cast<std::int64_t>(kept.size()) != rows->num_rows) rows = rows->take(kept);
      if (rows->num_rows == 0) break;
    }
    if (rows->num_rows > 0) return rows;
  }
  return std::nullopt;
}

}  // namespace intarsia
