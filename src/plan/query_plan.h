// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/query_spec.h"
#include "plan/read_plan.h"

namespace intarsia {

/// A column of the result: `name` and `type` as the user sees it, `id` under which the last batch has it.
struct PlannedOutput {
  std::string name;
  Type type;
  std::int64_t id = 0;
  Expr expr;  ///< evaluated by the engine; empty: the scan gives it
};

struct PlannedSortKey {
  std::int64_t id = 0;  ///< of a column in the last batch
  bool ascending = true;
  Expr expr;  ///< evaluated by the engine; empty: the scan gives it
};

/// How a query runs: what PostgreSQL does (`scan`), then the steps of the engine in the order of the members.
struct QueryPlan {
  ScanQuery scan;
  bool few_rows = false;  ///< one prepared statement answers it
  bool may_be_few = false;
  bool takes_time = false;          ///< functions of users, media: no statement should wait for them
  std::vector<Expr> early_filters;  ///< need nothing decoded
  std::vector<const TableDef*> decoded;
  bool small_batches = false;
  std::vector<Expr> late_filters;
  std::vector<PlannedOutput> outputs;
  std::vector<PlannedSortKey> sort;  ///< empty: the rows come in order
  std::optional<std::int64_t> limit;
  std::int64_t offset = 0;
  bool from_end = false;

  /// All conditions are in the scan.
  [[nodiscard]] bool filters_in_sql() const { return early_filters.empty() && late_filters.empty(); }
};

/// Refers to `tree`. Throws Error: kColumnNotFound, kInvalidArgument, kTypeMismatch, kUnsupportedOperation.
[[nodiscard]] QueryPlan plan_query(const QuerySpec& spec, const Tree& tree);
/// The same for the number of rows: no outputs, no order.
[[nodiscard]] QueryPlan plan_count(const QuerySpec& spec, const Tree& tree);
/// What runs where, as text.
[[nodiscard]] std::string explain_plan(const QueryPlan& plan, const Tree& tree);

}  // namespace intarsia
