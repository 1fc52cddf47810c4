// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exec/changes.h"
#include "exec/derivation.h"
#include "plan/impact.h"

namespace intarsia {

/// What follows from new cells in rows that are there already: computed columns, rows that views let in or out, rows of
/// views that are made anew. Goes to the Changes; nothing is published here, and no transaction is open. An error in a
/// cell stays in the cell.
class Cascade {
 public:
  Cascade(Engine& engine, std::shared_ptr<const Tree> tree, const Impact& impact, const Operation& operation,
          Derivation& derivation, Changes& changes)
      : engine_(engine),
        tree_(std::move(tree)),
        impact_(impact),
        operation_(operation),
        derivation_(derivation),
        changes_(changes) {}

  /// Rows of `table` with new cells in the columns `given`: `known` has kRowIdColumn, kRootIdColumn, those, and what
  /// reads_of() names, of the table and its bases. Throws StaleSchema.
  void change(const TableDef& table, RowSet known, const std::set<std::int64_t>& given);

 private:
  void rebuild(const TableDef& view, const RowSet& known);
  void let_in_and_out(const TableDef& view, const RowSet& known);
  void follow(const TableDef& view, const RowSet& known);
  void end(const TableDef& view, bool by_parent, const RowSet& rows);
  [[nodiscard]] std::set<std::int64_t> members(const TableDef& view, const RowSet& rows);
  [[nodiscard]] bool changes_cells(const TableDef& view) const;

  Engine& engine_;
  std::shared_ptr<const Tree> tree_;
  const Impact& impact_;
  const Operation& operation_;
  Derivation& derivation_;
  Changes& changes_;
};

}  // namespace intarsia
