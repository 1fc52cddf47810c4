// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "exec/engine.h"
#include "intarsia/query.h"
#include "plan/scan_query.h"

namespace intarsia {

/// What a Query asks for.
struct QuerySpec {
  std::shared_ptr<Engine> engine;
  std::int64_t table_id = 0;
  std::vector<NamedExpr> items;  ///< empty: every column
  std::vector<Expr> where;       ///< all must hold
  std::vector<SortKey> order;
  std::vector<Expr> group_by;
  std::optional<std::int64_t> limit;
  std::int64_t offset = 0;
  bool from_end = false;  ///< the limit takes the last rows
};

}  // namespace intarsia
