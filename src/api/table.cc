// SPDX-License-Identifier: Apache-2.0
// What changes a table. What only tells of one is in table_info.cc.
#include "intarsia/table.h"

#include "exec/add_column.h"
#include "exec/engine.h"
#include "exec/insert.h"
#include "exec/update.h"

namespace intarsia {

UpdateStatus Table::insert(const Batch& rows, const InsertOptions& options) {
  bool given = false;
  return insert(
      [&]() -> std::optional<Batch> {
        if (std::exchange(given, true)) return std::nullopt;
        return rows;
      },
      options);
}

UpdateStatus Table::insert(const std::function<std::optional<Batch>()>& next, const InsertOptions& options) {
  return insert_rows(*engine_, id_, next, options);
}

UpdateStatus Table::update(const std::vector<NamedExpr>& values, const Expr& where, const UpdateOptions& options) {
  return update_rows(engine_, id_, values, where, options);
}

UpdateStatus Table::delete_rows(const Expr& where) {
  return intarsia::delete_rows(engine_, id_, where);
}

UpdateStatus Table::add_computed_column(const ColumnSpec& column, OnError on_error, IfExists if_exists) {
  return intarsia::add_computed_column(*engine_, id_, column, on_error, if_exists);
}

}  // namespace intarsia
