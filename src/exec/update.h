// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exec/engine.h"
#include "intarsia/table.h"

namespace intarsia {

/// Table::update.
UpdateStatus update_rows(std::shared_ptr<Engine> engine, std::int64_t table_id, const std::vector<NamedExpr>& values,
                         const Expr& where, const UpdateOptions& options);

/// Table::delete_rows.
UpdateStatus delete_rows(std::shared_ptr<Engine> engine, std::int64_t table_id, const Expr& where);

}  // namespace intarsia
