// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/query_plan.h"

namespace intarsia {

namespace {

std::vector<std::string> texts(const std::vector<Expr>& exprs) {
  std::vector<std::string> lines;
  for (const Expr& expr : exprs) lines.push_back(expr.text());
  return lines;
}

std::string transfer_text(const QueryPlan& plan) {
  if (plan.few_rows) return "prepared, at once";
  if (plan.takes_time) return "page by page where its order allows";
  return plan.may_be_few ? "prepared, streamed when there are many rows" : "streamed";
}

}  // namespace

std::string explain_plan(const QueryPlan& plan, const Tree& tree) {
  std::string text = fmt::format("SQL ({}): {}\n", transfer_text(plan), scan_statement(tree, plan.scan, nullptr));
  const auto step = [&](std::string_view what, const std::vector<std::string>& exprs) {
    if (!exprs.empty()) text += fmt::format("engine: {} {}\n", what, fmt::join(exprs, ", "));
  };
  step("filter", texts(plan.early_filters));
  for (const TableDef* view : plan.decoded) text += fmt::format("engine: decode outputs of {}\n", view->path);
  if (plan.small_batches) text += fmt::format("engine: batches of {} rows\n", kMediaRowsPerBatch);
  step("filter", texts(plan.late_filters));
  std::vector<std::string> outputs, keys;
  for (const PlannedOutput& output : plan.outputs)
    if (!output.expr.empty() && output.expr.kind() == Expr::Kind::kCall) outputs.push_back(output.expr.text());
  for (const PlannedSortKey& key : plan.sort)
    keys.push_back(
        fmt::format("{}{}", key.expr.empty() ? "the order of SQL" : key.expr.text(), key.ascending ? "" : " desc"));
  step("evaluate", outputs);
  step("sort by", keys);
  if (plan.limit)
    text +=
        fmt::format("engine: limit {} offset {}{}\n", *plan.limit, plan.offset, plan.from_end ? " from the end" : "");
  return text;
}

}  // namespace intarsia
