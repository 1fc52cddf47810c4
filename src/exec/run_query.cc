// SPDX-License-Identifier: Apache-2.0
#include "exec/run_query.h"

#include <algorithm>

#include "exec/decode.h"
#include "exec/filter.h"
#include "exec/limit.h"
#include "exec/paged_scan.h"
#include "exec/project.h"
#include "exec/scan.h"
#include "exec/sort.h"
#include "exec/split.h"
#include "plan/select_list.h"
#include "telemetry/span.h"

namespace intarsia {

namespace {

Scan::Transfer transfer_of(const QueryPlan& plan) {
  if (plan.few_rows) return Scan::Transfer::kPrepared;
  return plan.may_be_few ? Scan::Transfer::kProbe : Scan::Transfer::kCopy;
}

OperatorPtr scanned_rows(Engine& engine, const std::shared_ptr<const Tree>& tree, const QueryPlan& plan,
                         bool at_leisure) {
  if ((at_leisure || plan.takes_time) && PagedScan::can_read(plan.scan))
    return std::make_unique<PagedScan>(engine, tree, plan.scan);
  const Scan::Transfer transfer = transfer_of(plan);
  const bool aside = at_leisure && transfer != Scan::Transfer::kPrepared;
  return std::make_unique<Scan>(engine, tree, plan.scan, aside ? Scan::Transfer::kAside : transfer);
}

/// The rows that the conditions let through. `tree` must outlive it.
OperatorPtr filtered_rows(Engine& engine, const std::shared_ptr<const Tree>& tree, const QueryPlan& plan,
                          OperatorPtr rows) {
  if (!plan.early_filters.empty()) {
    if (plan.small_batches) rows = std::make_unique<Split>(engine, std::move(rows), kMediaRowsPerBatch);
    rows = std::make_unique<Filter>(engine, std::move(rows), plan.early_filters);
  }
  for (const TableDef* view : plan.decoded) rows = std::make_unique<Decode>(engine, *tree, *view, std::move(rows));
  if (plan.small_batches && plan.early_filters.empty())
    rows = std::make_unique<Split>(engine, std::move(rows), kMediaRowsPerBatch);
  if (!plan.late_filters.empty()) rows = std::make_unique<Filter>(engine, std::move(rows), plan.late_filters);
  return rows;
}

OperatorPtr limited(const QueryPlan& plan, OperatorPtr rows) {
  if (plan.from_end) return std::make_unique<LastRows>(std::move(rows), plan.limit.value_or(0));
  if (!plan.limit && plan.offset == 0) return rows;
  return std::make_unique<Limit>(std::move(rows), plan.limit, plan.offset);
}

OperatorPtr result_rows(Engine& engine, const std::shared_ptr<const Tree>& tree, const QueryPlan& plan,
                        OperatorPtr scanned) {
  if (plan.scan.is_aggregate) return scanned;
  OperatorPtr rows = filtered_rows(engine, tree, plan, std::move(scanned));
  if (plan.sort.empty()) return std::make_unique<Project>(engine, limited(plan, std::move(rows)), plan);
  rows = std::make_unique<Project>(engine, std::move(rows), plan);
  const std::optional<std::int64_t> most =
      plan.limit ? std::optional(*plan.limit + plan.offset) : std::optional<std::int64_t>();
  return limited(plan, std::make_unique<Sort>(engine, std::move(rows), plan.sort, most));
}

std::optional<RowSet> next_batch(Operator& rows) {
  Span span(SpanKind::kBatch, "batch");
  std::optional<RowSet> batch = rows.next();
  if (batch) span.set_rows(batch->num_rows);
  return batch;
}

bool is_aggregate(const QuerySpec& spec) {
  return !spec.group_by.empty() || std::any_of(spec.items.begin(), spec.items.end(),
                                               [](const NamedExpr& item) { return has_aggregate(item.expr); });
}

std::int64_t count_by_engine(const QuerySpec& spec, const std::shared_ptr<const Tree>& tree, const QueryPlan& plan) {
  Engine& engine = *spec.engine;
  const OperatorPtr rows = limited(plan, filtered_rows(engine, tree, plan, scanned_rows(engine, tree, plan, false)));
  std::int64_t count = 0;
  while (const std::optional<RowSet> batch = rows->next()) count += batch->num_rows;
  return count;
}

}  // namespace

RunningQuery::RunningQuery(const QuerySpec& spec, bool at_leisure) {
  spec.engine->with_tree(spec.table_id, [&](const Tree&) { start(spec, at_leisure); });
}

void RunningQuery::start(const QuerySpec& spec, bool at_leisure) {
  rows_ = nullptr;
  tree_ = spec.engine->trees().of_table(spec.table_id);
  plan_ = plan_query(spec, *tree_);
  rows_ = result_rows(*spec.engine, tree_, plan_, scanned_rows(*spec.engine, tree_, plan_, at_leisure));
  first_ = next_batch(*rows_);
}

Batch RunningQuery::result_of(const RowSet& rows) const {
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (const PlannedOutput& output : plan_.outputs) {
    names.push_back(output.name);
    columns.push_back(rows.columns.at(output.id));
  }
  return Batch(std::move(names), std::move(columns));
}

std::optional<Batch> RunningQuery::next() {
  std::optional<RowSet> rows = first_given_ ? next_batch(*rows_) : std::move(first_);
  first_given_ = true;
  if (!rows) return std::nullopt;
  return result_of(*rows);
}

std::vector<std::int64_t> matching_rows(const QuerySpec& spec, const std::shared_ptr<const Tree>& tree,
                                        const std::optional<std::vector<std::int64_t>>& among) {
  QueryPlan plan = plan_count(spec, *tree);
  plan.scan.items.push_back({kRowIdColumn, Type(TypeKind::kInt), ScanItem::Source::kRowId, {}});
  if (among) plan.scan.chosen = RowChoice{false, *among};
  plan.scan.unordered = !plan.takes_time;
  plan.may_be_few = false;
  plan.few_rows = among.has_value();
  std::vector<std::int64_t> ids;
  const OperatorPtr rows = filtered_rows(*spec.engine, tree, plan, scanned_rows(*spec.engine, tree, plan, false));
  while (const std::optional<RowSet> batch = rows->next()) {
    const Column& row_ids = batch->columns.at(kRowIdColumn);
    for (std::int64_t row = 0; row < batch->num_rows; ++row) ids.push_back(row_ids.int_at(row));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::int64_t count_rows(const QuerySpec& spec) {
  if (is_aggregate(spec)) {
    RunningQuery query(spec);
    std::int64_t count = 0;
    while (const std::optional<Batch> batch = query.next()) count += batch->num_rows();
    return count;
  }
  std::int64_t count = 0;
  spec.engine->with_tree(spec.table_id, [&](const Tree&) {
    const std::shared_ptr<const Tree> tree = spec.engine->trees().of_table(spec.table_id);
    const QueryPlan plan = plan_count(spec, *tree);
    if (!plan.filters_in_sql()) {
      count = count_by_engine(spec, tree, plan);
      return;
    }
    SqlParameters parameters;
    const std::string sql = count_statement(*tree, plan.scan, &parameters);
    count = spec.engine->connect()->query(sql, parameters).int_at(0, 0);
  });
  return count;
}

}  // namespace intarsia
