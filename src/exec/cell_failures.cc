// SPDX-License-Identifier: Apache-2.0
#include "exec/cell_failures.h"

#include <fmt/format.h>

#include "intarsia/error.h"

namespace intarsia {

Column without_failures(const Column& cells, const Expr& expr, std::string_view operation,
                        const std::function<std::int64_t(std::int64_t row)>& number) {
  if (!cells.has_errors()) return cells;
  ColumnBuilder out(cells.type().as_nullable());
  out.reserve(cells.length());
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    const CellError* error = cells.error_at(row);
    if (error == nullptr) {
      out.append_cell(cells, row);
      continue;
    }
    const bool is_division = error->type == "ZeroDivisionError" && error->traceback.empty();
    if (!is_division)
      throw Error(ErrorCode::kUnsupportedOperation,
                  fmt::format("{}: {} failed in row {}: {}: {}", operation, expr.text(), number(row), error->type,
                              error->message),
                  error->traceback);
    out.append_null();
  }
  return out.finish();
}

}  // namespace intarsia
