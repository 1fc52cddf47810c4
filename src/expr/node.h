// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "intarsia/expr.h"

namespace intarsia {

/// What an Expr shares. `name` is the column's or the function's; a call's arguments are complete and in the order of
/// the function's parameters.
struct ExprNode {
  Expr::Kind kind = Expr::Kind::kLiteral;
  Type type = {};
  Value value = {};
  std::int64_t table_id = 0;
  std::int64_t column_id = 0;
  std::string name = {};
  std::vector<Expr> args = {};

  static Expr make(ExprNode node) { return Expr(std::make_shared<const ExprNode>(std::move(node))); }
};

/// Calls `visit` for the expression and everything in it, outside in.
template <typename Visit>
void visit_expr(const Expr& expr, const Visit& visit) {
  visit(expr);
  for (const Expr& arg : expr.args()) visit_expr(arg, visit);
}

}  // namespace intarsia
