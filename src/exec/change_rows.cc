// SPDX-License-Identifier: Apache-2.0
#include "exec/change_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "exec/derivation.h"
#include "exec/operation_files.h"
#include "exec/publish_changes.h"
#include "exec/read_rows.h"
#include "exec/run_query.h"
#include "intarsia/error.h"
#include "telemetry/span.h"

namespace intarsia {

namespace {

constexpr int kMostSchemaChanges = 50;

std::shared_ptr<const Tree> base_tree(Engine& engine, std::int64_t table_id, const std::string& kind) {
  std::shared_ptr<const Tree> tree = engine.trees().newest(table_id);
  if (const TableDef& table = tree->table(table_id); table.base_id != 0)
    throw Error(ErrorCode::kUnsupportedOperation,
                fmt::format("view '{}': cannot {} rows of a view; {} those of its base '{}'", table.path, kind, kind,
                            tree->with_bases(table_id).back()->path));
  return tree;
}

}  // namespace

ChangeRows::ChangeRows(std::shared_ptr<Engine> engine, std::int64_t table_id, std::string kind, const Expr& where)
    : tree_(base_tree(*engine, table_id, kind)),
      description_(fmt::format("{} '{}'", kind, tree_->table(table_id).path)),
      operation_(new_operation(*engine->connect(), std::move(kind), tree_->id, table_id)),
      progress_(*engine, description_) {
  operation_.activity = std::make_shared<Activity>(engine->pool(), description_);
  progress_.watch(operation_);
  spec_.engine = std::move(engine);
  spec_.table_id = table_id;
  if (where.empty()) return;
  if (where.type().kind() != TypeKind::kBool)
    throw Error(ErrorCode::kTypeMismatch, fmt::format("{}: `where` needs to be a `Bool`, but is a `{}`: {}",
                                                      description_, where.type().text(), where.text()));
  spec_.where.push_back(where);
}

UpdateStatus ChangeRows::run() {
  try {
    for (int changes = 0;; ++changes) {
      try {
        attempt();
        if (repeated_)
          for (const auto& [id, table] : tree_->tables) remove_unnamed_files(engine(), table, {operation_.id});
        return status();
      } catch (const StaleSchema&) {
        repeated_ = true;
        if (changes == kMostSchemaChanges)
          throw Error(ErrorCode::kConcurrentModification, description_ + ": the schema does not stop changing");
      }
      tree_ = engine().trees().reload(spec_.table_id);
    }
  } catch (...) {
    remove_files_of_failed(engine(), *tree_, operation_);
    throw;
  }
}

void ChangeRows::attempt() {
  prepare();
  changes_ = std::make_unique<Changes>(engine());
  counts_ = {};
  std::int64_t seen = last_published(*engine().connect());
  std::vector<std::int64_t> ids = matching_rows(spec_, tree_, std::nullopt);
  while (true) {
    compute(ids);
    if (changes_->empty()) return;
    const std::optional<Conflict> conflict = publish_changes(engine(), *tree_, operation_, *changes_, seen, counts_);
    if (!conflict) return;
    repeated_ = true;
    changes_->forget(conflict->roots);
    seen = conflict->seen;
    ids = matching_rows(spec_, tree_, std::vector<std::int64_t>(conflict->roots.begin(), conflict->roots.end()));
  }
}

void ChangeRows::compute(const std::vector<std::int64_t>& ids) {
  const std::set<std::int64_t> columns = inputs();
  BatchSize size = batch_size(engine(), *tree_);
  for (std::size_t begin = 0, end = 0; begin < ids.size(); begin = end) {
    end = std::min(ids.size(), begin + static_cast<std::size_t>(size.rows()));
    ReadOptions options;
    options.chosen = RowChoice{
        false, {ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.begin() + static_cast<std::ptrdiff_t>(end)}};
    options.at_once = true;
    const auto rows = read_rows(engine(), tree_, spec_.table_id, {columns.begin(), columns.end()}, options);
    while (std::optional<RowSet> batch = rows->next()) {
      Span span(SpanKind::kBatch, "batch");
      span.set_rows(batch->num_rows);
      const Column row_ids = batch->columns.at(kRowIdColumn);
      changes_->add_roots(row_ids);
      batch->columns.emplace(kRootIdColumn, row_ids);
      const RowSet rows = *std::move(batch);  // gets heavier as media are loaded
      const std::int64_t before = changes_->byte_size();
      change(rows);
      size.learn(rows.num_rows, rows.byte_size() + changes_->byte_size() - before);
      progress_.advance(rows.num_rows, 0);
    }
  }
}

UpdateStatus ChangeRows::status() const {
  UpdateStatus status;
  for (const auto& [id, counts] : counts_.by_table) {
    if (id == spec_.table_id) {
      status.table = counts;
      continue;
    }
    status.cascade.inserted += counts.inserted;
    status.cascade.updated += counts.updated;
    status.cascade.deleted += counts.deleted;
    status.cascade.errors += counts.errors;
    status.cascade.computed_values += counts.computed_values;
  }
  status.columns_with_errors.assign(counts_.columns_with_errors.begin(), counts_.columns_with_errors.end());
  complete(status);
  return status;
}

}  // namespace intarsia
