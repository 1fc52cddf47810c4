// SPDX-License-Identifier: Apache-2.0
#include "plan/select_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "intarsia/error.h"
#include "intarsia/function.h"

namespace intarsia {

namespace {

bool is_aggregate_call(const Expr& expr) {
  if (expr.kind() != Expr::Kind::kCall) return false;
  const Function* function = find_function(expr.name());
  return function != nullptr && function->is_aggregate;
}

std::string free_name(const std::string& wanted, const std::set<std::string>& taken) {
  std::string name = wanted;
  for (int i = 1; taken.contains(name); ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

}  // namespace

std::vector<NamedExpr> with_names(std::vector<NamedExpr> items) {
  std::set<std::string> taken;
  for (std::size_t i = 0; i < items.size(); ++i) {
    NamedExpr& item = items[i];
    if (item.expr.empty()) throw Error(ErrorCode::kInvalidExpression, "select(): an item is an empty expression");
    if (item.name.empty()) {
      const std::string suggested = item.expr.suggested_name();
      item.name = free_name(suggested.empty() ? fmt::format("col_{}", i) : suggested, taken);
    }
    if (!taken.insert(item.name).second)
      throw Error(ErrorCode::kInvalidArgument, fmt::format("Repeated column name '{}' in select()", item.name));
  }
  return items;
}

std::vector<NamedExpr> result_columns(const QuerySpec& spec, const Tree& tree) {
  if (!spec.items.empty()) return spec.items;
  std::vector<NamedExpr> columns;
  for (const ColumnDef* column : tree.columns_of(spec.table_id))
    columns.emplace_back(column->name, tree.column_expr(*column));
  return columns;
}

bool has_aggregate(const Expr& expr) {
  return is_aggregate_call(expr) || std::any_of(expr.args().begin(), expr.args().end(), has_aggregate);
}

void check_grouped(const Expr& expr, const std::vector<Expr>& keys) {
  if (std::any_of(keys.begin(), keys.end(), [&](const Expr& key) { return key.same_as(expr); })) return;
  if (expr.kind() == Expr::Kind::kColumn)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is neither in group_by() nor inside an aggregate", expr.name()));
  if (!is_aggregate_call(expr)) {
    for (const Expr& arg : expr.args()) check_grouped(arg, keys);
    return;
  }
  for (const Expr& arg : expr.args())
    if (has_aggregate(arg))
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: an aggregate inside an aggregate", expr.text()));
}

}  // namespace intarsia
