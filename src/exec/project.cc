// SPDX-License-Identifier: Apache-2.0
#include "exec/project.h"

#include "exec/cell_failures.h"
#include "exec/evaluate.h"
#include "type/column_data.h"

namespace intarsia {

namespace {

/// A column of files as the result has it: what functions loaded of it on the way is let go.
Column without_loaded(const Column& cells) {
  if (!cells.type().is_media() || cells.data()->media.empty()) return cells;
  for (std::int64_t row = 0; row < cells.length(); ++row)
    if (cells.holds_media(row)) return cells;
  auto data = std::make_shared<ColumnData>(*cells.data());
  data->media.clear();
  return Column(std::move(data)).slice(ColumnData::position(cells, 0), cells.length());
}

}  // namespace

Project::Project(Engine& engine, OperatorPtr input, const QueryPlan& plan) : engine_(engine), input_(std::move(input)) {
  for (const PlannedOutput& output : plan.outputs) items_.push_back({output.id, output.expr});
  for (const PlannedSortKey& key : plan.sort) items_.push_back({key.id, key.expr});
}

std::optional<RowSet> Project::next() {
  std::optional<RowSet> rows = input_->next();
  if (!rows) return std::nullopt;
  engine_.check_interrupt();
  Evaluator evaluator(engine_.threads(), *rows);
  const auto number = [this](std::int64_t row) { return first_row_ + row; };
  RowSet result{rows->num_rows, {}};
  for (const Item& item : items_) {
    const Column cells = item.expr.empty() ? rows->columns.at(item.id) : evaluator.evaluate(item.expr);
    const bool is_column = item.expr.empty() || item.expr.kind() == Expr::Kind::kColumn;
    result.columns.insert_or_assign(
        item.id, is_column ? without_loaded(cells) : without_failures(cells, item.expr, "select()", number));
  }
  first_row_ += rows->num_rows;
  return result;
}

}  // namespace intarsia
