// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "exec/changes.h"
#include "exec/progress_meter.h"
#include "plan/query_spec.h"
#include "storage/publish.h"

namespace intarsia {

/// An operation on the rows of a base table that a condition chooses: reads them, computes with no transaction open,
/// publishes, and does again, for them alone, the rows that others changed meanwhile. Rows that are inserted after it
/// began are not its own.
class ChangeRows {
 public:
  /// `where` empty: every row.
  ChangeRows(std::shared_ptr<Engine> engine, std::int64_t table_id, std::string kind, const Expr& where);
  virtual ~ChangeRows() = default;
  ChangeRows(const ChangeRows&) = delete;
  ChangeRows& operator=(const ChangeRows&) = delete;

  UpdateStatus run();

 protected:
  /// Looks at the newest tree; called again when that is another. Throws Error for what it cannot do.
  virtual void prepare() = 0;
  /// Columns that change() needs.
  [[nodiscard]] virtual std::set<std::int64_t> inputs() const = 0;
  /// `rows` has kRowIdColumn, kRootIdColumn and the inputs.
  virtual void change(RowSet rows) = 0;
  /// Adds what no count tells.
  virtual void complete(UpdateStatus& status) const = 0;

  [[nodiscard]] const Tree& tree() const { return *tree_; }
  [[nodiscard]] std::shared_ptr<const Tree> shared_tree() const { return tree_; }
  [[nodiscard]] const TableDef& table() const { return tree_->table(spec_.table_id); }
  [[nodiscard]] Engine& engine() const { return *spec_.engine; }
  [[nodiscard]] const std::string& description() const { return description_; }
  [[nodiscard]] const Operation& operation() const { return operation_; }
  [[nodiscard]] ProgressMeter& progress() { return progress_; }
  [[nodiscard]] Changes& changes() { return *changes_; }

 private:
  void attempt();
  void compute(const std::vector<std::int64_t>& ids);
  [[nodiscard]] UpdateStatus status() const;

  QuerySpec spec_;
  std::shared_ptr<const Tree> tree_;
  std::string description_;
  Operation operation_;
  ProgressMeter progress_;
  std::unique_ptr<Changes> changes_;
  ChangeCounts counts_;
  bool repeated_ = false;  // some of it was computed more than once
};

}  // namespace intarsia
