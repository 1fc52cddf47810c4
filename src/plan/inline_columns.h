// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/tree.h"
#include "intarsia/expr.h"

namespace intarsia {

/// `expr` with every computed column that is not stored replaced by what computes it, so that only columns that are
/// stored or decoded are left. Throws Error(kColumnNotFound) for a column that `tree` does not have (any more).
[[nodiscard]] Expr inline_columns(const Tree& tree, const Expr& expr);

/// Calls `visit` with the id of each column in `expr`.
template <typename Visit>
void visit_columns(const Expr& expr, const Visit& visit) {
  if (expr.kind() == Expr::Kind::kColumn) visit(expr.column_id());
  for (const Expr& arg : expr.args()) visit_columns(arg, visit);
}

}  // namespace intarsia
