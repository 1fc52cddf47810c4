// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "intarsia/batch.h"
#include "intarsia/expr.h"

namespace intarsia {

/// `cells` of `expr` in a query, where a division by zero (by an operator, not in a function of a user, which leaves a
/// traceback) is null. Throws Error(kUnsupportedOperation) for the first
/// cell with another error; `number` tells the number of a row, for its message.
[[nodiscard]] Column without_failures(const Column& cells, const Expr& expr, std::string_view operation,
                                      const std::function<std::int64_t(std::int64_t row)>& number);

}  // namespace intarsia
