// SPDX-License-Identifier: Apache-2.0
#include "exec/changes.h"

#include <algorithm>

#include "exec/stored_cells.h"

namespace intarsia {

namespace {

void forget_rows(Spool& spool, const std::set<std::int64_t>& roots) {
  for (const std::shared_ptr<NewRows>& rows : spool.all()) {
    const RowSet cells = spool.cells(*rows);
    const Column& root = cells.columns.at(kRootIdColumn);
    std::vector<std::int64_t> kept;
    for (std::int64_t row = 0; row < cells.num_rows; ++row)
      if (!roots.contains(root.int_at(row))) kept.push_back(row);
    if (static_cast<std::int64_t>(kept.size()) < cells.num_rows) spool.replace(*rows, cells.take(kept));
  }
}

void forget_rows(EndedRows& ended, const std::set<std::int64_t>& roots) {
  EndedRows kept{ended.table_id, ended.by_parent, {}, {}};
  for (std::size_t i = 0; i < ended.ids.size(); ++i) {
    if (roots.contains(ended.roots.empty() ? ended.ids[i] : ended.roots[i])) continue;
    kept.ids.push_back(ended.ids[i]);
    if (!ended.roots.empty()) kept.roots.push_back(ended.roots[i]);
  }
  ended = std::move(kept);
}

void count_cells(const TableDef& table, const RowSet& cells, ChangeCounts& counts) {
  RowCounts& of_table = counts.by_table[table.id];
  for (const ColumnDef& column : table.columns) {
    const auto found = cells.columns.find(column.id);
    if (found == cells.columns.end() || column.filling) continue;
    if (!column.value.empty()) of_table.computed_values += cells.num_rows;
    const std::int64_t errors = count_errors(found->second);
    of_table.errors += errors;
    if (errors > 0) counts.columns_with_errors.insert(table.name + "." + column.name);
  }
}

}  // namespace

void Changes::add_roots(const Column& row_ids) {
  const auto middle = static_cast<std::ptrdiff_t>(roots.size());
  for (std::int64_t row = 0; row < row_ids.length(); ++row) roots.push_back(row_ids.int_at(row));
  std::sort(roots.begin() + middle, roots.end());
  if (middle > 0 && roots[static_cast<std::size_t>(middle)] < roots[static_cast<std::size_t>(middle) - 1])
    std::inplace_merge(roots.begin(), roots.begin() + middle, roots.end());
}

void Changes::forget(const std::set<std::int64_t>& forgotten) {
  std::erase_if(roots, [&](std::int64_t root) { return forgotten.contains(root); });
  forget_rows(made, forgotten);
  forget_rows(changed, forgotten);
  for (EndedRows& rows : ended) forget_rows(rows, forgotten);
}

ChangeCounts Changes::counts(const Tree& tree) const {
  ChangeCounts counts;
  for (const Spool* spool : {&made, &changed})
    for (const auto& rows : spool->all()) {
      if (rows->num_rows == 0) continue;
      RowCounts& of_table = counts.by_table[rows->table_id];
      (spool == &made ? of_table.inserted : of_table.updated) += rows->num_rows;
      count_cells(tree.table(rows->table_id), spool->cells(*rows), counts);
    }
  return counts;
}

}  // namespace intarsia
