// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "exec/operator.h"
#include "plan/query_plan.h"

namespace intarsia {

/// A query on its way: planned, and its first batch read, so that the tree it was planned with was the newest.
class RunningQuery {
 public:
  /// `at_leisure`: batches may be taken slowly; no statement is left open between them.
  /// Throws Error: what planning and the first batch throw.
  explicit RunningQuery(const QuerySpec& spec, bool at_leisure = false);

  [[nodiscard]] const QueryPlan& plan() const { return plan_; }
  /// The next rows of the result: nullopt at the end.
  std::optional<Batch> next();

 private:
  void start(const QuerySpec& spec, bool at_leisure);
  [[nodiscard]] Batch result_of(const RowSet& rows) const;

  std::shared_ptr<const Tree> tree_;
  QueryPlan plan_;
  OperatorPtr rows_;
  std::optional<RowSet> first_;
  bool first_given_ = false;
};

/// The ids of the rows that the query's conditions choose, ascending; of `among` only, when that is given. Conditions
/// that SQL can evaluate are one statement, with one view of the table. Throws StaleSchema.
[[nodiscard]] std::vector<std::int64_t> matching_rows(const QuerySpec& spec, const std::shared_ptr<const Tree>& tree,
                                                      const std::optional<std::vector<std::int64_t>>& among);

/// How many rows the query has.
[[nodiscard]] std::int64_t count_rows(const QuerySpec& spec);

}  // namespace intarsia
