// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>

#include "exec/engine.h"
#include "exec/progress_meter.h"
#include "exec/row_set.h"
#include "storage/publish.h"

namespace intarsia {

/// Computes one column for rows that are in the table already, and counts.
class ColumnComputation {
 public:
  ColumnComputation(Engine& engine, const Tree& tree, const ColumnDef& column, const Operation& operation,
                    OnError on_error);

  /// The columns that compute() needs.
  [[nodiscard]] std::set<std::int64_t> inputs(const Tree& tree) const;
  /// Calls `take` with kRowIdColumn and the column's cells as they are stored, in batches that the memory budget
  /// allows. Throws Error for the first failing cell under OnError::kAbort.
  void compute(const Tree& tree, const RowSet& rows, const std::function<void(RowSet)>& take);
  [[nodiscard]] UpdateStatus status() const;
  /// The version of the table that has the column, under this name.
  [[nodiscard]] NewVersion version(const std::string& name) const;

 private:
  RowSet computed(const Tree& tree, const RowSet& rows);

  Engine& engine_;
  const ColumnDef& column_;
  const Operation& operation_;
  OnError on_error_;
  BatchSize batch_size_;
  std::string table_path_;
  std::string table_name_;
  ProgressMeter progress_;
  RowCounts counts_;
};

/// Rows in a table's SQL table, counted no further than `most`.
[[nodiscard]] std::int64_t count_rows(Connection& connection, const TableDef& table, std::int64_t most);

/// About how many; -1: not known.
[[nodiscard]] std::int64_t estimated_rows(Connection& connection, const TableDef& table);

}  // namespace intarsia
