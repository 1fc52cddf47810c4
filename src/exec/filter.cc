// SPDX-License-Identifier: Apache-2.0
#include "exec/filter.h"

#include "exec/cell_failures.h"
#include "exec/evaluate.h"

namespace intarsia {

std::optional<RowSet> Filter::next() {
  while (std::optional<RowSet> rows = input_->next()) {
    engine_.check_interrupt();
    const std::int64_t seen = rows->num_rows;
    RowSet kept = filtered(std::move(*rows));
    first_row_ += seen;
    if (kept.num_rows > 0) return kept;
  }
  return std::nullopt;
}

RowSet Filter::filtered(RowSet rows) {
  std::vector<std::int64_t> places;  // in the batch as it came; empty: all of it
  const auto number = [&](std::int64_t row) {
    return first_row_ + (places.empty() ? row : places[static_cast<std::size_t>(row)]);
  };
  for (const Expr& condition : conditions_) {
    const Column truth = Evaluator(engine_.threads(), rows).evaluate(condition);
    std::vector<std::int64_t> kept = true_rows(without_failures(truth, condition, "where()", number));
    if (static_cast<std::int64_t>(kept.size()) == rows.num_rows) continue;
    rows = rows.take(kept);
    if (rows.num_rows == 0) break;
    if (!places.empty())
      for (std::int64_t& row : kept) row = places[static_cast<std::size_t>(row)];
    places = std::move(kept);
  }
  return rows;
}

}  // namespace intarsia
