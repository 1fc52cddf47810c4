// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "plan/query_spec.h"

namespace intarsia {

/// `items` with a name for each: the given one, else what its expression suggests, else col_<i>; one that is taken gets
/// "_1", "_2", ... Throws Error: kInvalidArgument when a name comes twice all the same, kInvalidExpression for an empty
/// item.
[[nodiscard]] std::vector<NamedExpr> with_names(std::vector<NamedExpr> items);

/// The columns of the result.
[[nodiscard]] std::vector<NamedExpr> result_columns(const QuerySpec& spec, const Tree& tree);

/// Whether a call of an aggregate function is in it.
[[nodiscard]] bool has_aggregate(const Expr& expr);
/// Throws Error(kInvalidArgument) unless `expr` is made of group keys, aggregates and literals.
void check_grouped(const Expr& expr, const std::vector<Expr>& keys);

}  // namespace intarsia
