// SPDX-License-Identifier: Apache-2.0
#include "plan/impact.h"

#include <algorithm>

#include "plan/inline_columns.h"

namespace intarsia {

namespace {

void add_columns(const Tree& tree, const Expr& expr, std::set<std::int64_t>& ids) {
  if (!expr.empty()) visit_columns(inline_columns(tree, expr), [&](std::int64_t id) { ids.insert(id); });
}

bool reads_any(const Tree& tree, const Expr& expr, const std::set<std::int64_t>& columns) {
  std::set<std::int64_t> read;
  add_columns(tree, expr, read);
  return std::any_of(read.begin(), read.end(), [&](std::int64_t id) { return columns.contains(id); });
}

bool is_computed(const ColumnDef& column) {
  return column.stored && !column.value.empty();
}

void collect_columns(const Tree& tree, const TableDef& table, std::set<std::int64_t>& ids) {
  for (const ColumnDef& column : table.columns)
    if (column.stored) add_columns(tree, column.value, ids);
  for (const TableDef* view : tree.views_of(table.id)) {
    add_columns(tree, view->predicate, ids);
    add_columns(tree, view->iterator, ids);
    collect_columns(tree, *view, ids);
  }
}

/// Adds the computed columns of a table that follow; true when there are some.
bool add_computed(const Tree& tree, const TableDef& table, std::set<std::int64_t>& changed) {
  bool found = false;
  for (bool again = true; again;) {
    again = false;
    for (const ColumnDef& column : table.columns)
      if (is_computed(column) && !changed.contains(column.id) && reads_any(tree, column.value, changed))
        found = again = changed.insert(column.id).second;
  }
  return found;
}

bool reach_views(const Tree& tree, const TableDef& table, Impact& impact) {
  bool any = false;
  for (const TableDef* view : tree.views_of(table.id)) {
    const bool has_changes = add_computed(tree, *view, impact.changed);
    // A view that is being filled has no rows to rely on: they are made anew.
    const bool rebuilt = reads_any(tree, view->predicate, impact.changed) ||
                         reads_any(tree, view->iterator, impact.changed) || (view->filling && has_changes);
    if (rebuilt) impact.rebuilt.insert(view->id);
    if (!reach_views(tree, *view, impact) && !rebuilt && !has_changes) continue;
    impact.reached.insert(view->id);
    any = true;
  }
  return any;
}

}  // namespace

std::set<std::int64_t> columns_for(const Tree& tree, const TableDef& table) {
  std::set<std::int64_t> ids;
  collect_columns(tree, table, ids);
  return ids;
}

std::set<std::int64_t> base_columns_for(const Tree& tree, const TableDef& view) {
  std::set<std::int64_t> read = columns_for(tree, view);
  add_columns(tree, view.predicate, read);
  add_columns(tree, view.iterator, read);
  std::set<std::int64_t> of_base;
  for (const TableDef* base : tree.with_bases(view.base_id))
    for (const ColumnDef& column : base->columns)
      if (read.contains(column.id)) of_base.insert(column.id);
  return of_base;
}

Impact impact_of(const Tree& tree, const TableDef& table, const std::set<std::int64_t>& columns) {
  Impact impact{columns, {}, {}};
  add_computed(tree, table, impact.changed);
  reach_views(tree, table, impact);
  return impact;
}

std::set<std::int64_t> reads_of(const Tree& tree, const TableDef& table, const Impact& impact) {
  std::set<std::int64_t> ids;
  for (const ColumnDef& column : table.columns)
    if (is_computed(column) && impact.changed.contains(column.id)) add_columns(tree, column.value, ids);
  for (const TableDef* view : tree.views_of(table.id)) {
    if (!impact.reached.contains(view->id)) continue;
    ids.merge(reads_of(tree, *view, impact));
    if (!impact.rebuilt.contains(view->id)) continue;
    add_columns(tree, view->predicate, ids);
    add_columns(tree, view->iterator, ids);
    ids.merge(columns_for(tree, *view));
  }
  return ids;
}

}  // namespace intarsia
