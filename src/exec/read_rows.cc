// SPDX-License-Identifier: Apache-2.0
#include "exec/read_rows.h"

#include <algorithm>

#include "exec/decode.h"
#include "exec/scan.h"
#include "exec/split.h"
#include "plan/read_plan.h"

namespace intarsia {

namespace {

/// An operator with the tree that it refers to.
class KeepTree : public Operator {
 public:
  KeepTree(std::shared_ptr<const Tree> tree, OperatorPtr input) : tree_(std::move(tree)), input_(std::move(input)) {}
  std::optional<RowSet> next() override { return input_->next(); }

 private:
  std::shared_ptr<const Tree> tree_;
  OperatorPtr input_;
};

}  // namespace

OperatorPtr read_rows(Engine& engine, std::shared_ptr<const Tree> tree, std::int64_t table_id,
                      const std::vector<std::int64_t>& column_ids, const ReadOptions& options) {
  ReadPlan plan = plan_read(*tree, table_id, column_ids, true);
  plan.scan.chosen = options.chosen;
  plan.scan.range = options.range;
  plan.scan.sql_where = options.where;
  const bool has_media = std::any_of(plan.scan.items.begin(), plan.scan.items.end(),
                                     [](const ScanItem& item) { return item.type.is_media(); });
  const Scan::Transfer transfer = options.at_once ? Scan::Transfer::kPrepared : Scan::Transfer::kCopy;
  OperatorPtr rows = std::make_unique<Scan>(engine, tree, std::move(plan.scan), transfer);
  for (const TableDef* view : plan.decoded) rows = std::make_unique<Decode>(engine, *tree, *view, std::move(rows));
  if (has_media) rows = std::make_unique<Split>(engine, std::move(rows), kMediaRowsPerBatch);
  return std::make_unique<KeepTree>(std::move(tree), std::move(rows));
}

}  // namespace intarsia
