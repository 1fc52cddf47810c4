// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exec/engine.h"
#include "exec/progress_meter.h"
#include "exec/spool.h"
#include "function/iterator.h"
#include "storage/publish.h"

namespace intarsia {

/// What follows from new rows: their computed columns, the rows of views on them, the columns of those, and so on.
/// What it makes goes to the spool; nothing is published here. Runs on the caller's thread, with no transaction open.
class Derivation {
 public:
  Derivation(Engine& engine, const Operation& operation, std::string description, OnError on_error, Spool& spool,
             ProgressMeter& progress);

  /// New rows of a base table, as InputRows gives them, with kRowIdColumn. Throws Error for the first failing cell
  /// under OnError::kAbort.
  void add(const Tree& tree, std::int64_t table_id, RowSet input);
  /// Rows of `view` that follow from rows that are in the base already: `base` has kRowIdColumn and what
  /// base_columns_for(tree, view) names.
  void add_view_rows(const Tree& tree, const TableDef& view, const RowSet& base);
  /// After a change of the schema: computes for all rows in the spool what `tree` wants and they do not have.
  void bring_up_to(const Tree& tree);

  /// The weight of the heaviest batch since the last call, decoded media and computed cells included.
  [[nodiscard]] std::int64_t take_heaviest() { return std::exchange(heaviest_, 0); }

  /// By table: rows made, cells computed, cells with errors.
  [[nodiscard]] const std::map<std::int64_t, RowCounts>& counts() const { return counts_; }
  /// "table.column".
  [[nodiscard]] const std::set<std::string>& columns_with_errors() const { return columns_with_errors_; }

 private:
  void complete(const Tree& tree, const TableDef& table, const std::shared_ptr<NewRows>& rows, RowSet known,
                RowSet cells);
  void compute_columns(const Tree& tree, const TableDef& table, const NewRows& rows, RowSet& known, RowSet& cells);
  void note_errors(const TableDef& table, const ColumnDef& column, const Column& result, const NewRows& rows);
  void derive_views(const Tree& tree, const TableDef& table, const std::shared_ptr<NewRows>& rows, const RowSet& known);
  void derive_view(const Tree& tree, const TableDef& view, const std::shared_ptr<NewRows>& base, const RowSet& known);
  void expand(const Tree& tree, const TableDef& view, const std::shared_ptr<NewRows>& base, const RowSet& known,
              const std::vector<std::int64_t>& base_rows);
  [[nodiscard]] RowSet known_of(const Tree& tree, const TableDef& table, const NewRows& rows) const;
  [[nodiscard]] Column reserve_rows(std::int64_t count);

  Engine& engine_;
  const Operation& operation_;
  std::string description_;
  OnError on_error_;
  Spool& spool_;
  ProgressMeter& progress_;
  std::vector<std::int64_t> spare_ids_;  // of views' rows, ascending from the back
  std::map<std::int64_t, RowCounts> counts_;
  std::int64_t heaviest_ = 0;
  std::set<std::string> columns_with_errors_;
};

/// Rows that are worked on at once: fewer where media are decoded.
[[nodiscard]] std::int64_t most_rows_per_batch(const Tree& tree, int threads);
[[nodiscard]] BatchSize batch_size(Engine& engine, const Tree& tree);

}  // namespace intarsia
