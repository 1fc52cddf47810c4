// SPDX-License-Identifier: Apache-2.0
#include "plan/inline_columns.h"

#include <fmt/format.h>

#include "expr/node.h"
#include "intarsia/error.h"

namespace intarsia {

namespace {

Expr inline_column(const Tree& tree, const Expr& expr) {
  const ColumnDef* column = tree.find_column(expr.table_id(), expr.column_id());
  if (column == nullptr) throw Error(ErrorCode::kColumnNotFound, fmt::format("column '{}' was dropped", expr.name()));
  return column->stored || column->value.empty() ? expr : inline_columns(tree, column->value);
}

}  // namespace

Expr inline_columns(const Tree& tree, const Expr& expr) {
  if (expr.kind() == Expr::Kind::kLiteral) return expr;
  if (expr.kind() == Expr::Kind::kColumn) return inline_column(tree, expr);
  bool changed = false;
  ExprNode node{expr.kind(), expr.type(), {}, 0, 0, expr.name(), {}};
  for (const Expr& arg : expr.args()) {
    node.args.push_back(inline_columns(tree, arg));
    changed |= !node.args.back().same_as(arg);
  }
  return changed ? ExprNode::make(std::move(node)) : expr;
}

}  // namespace intarsia
