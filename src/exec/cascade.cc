// SPDX-License-Identifier: Apache-2.0
#include "exec/cascade.h"

#include <algorithm>

#include "exec/evaluate.h"
#include "exec/read_rows.h"
#include "exec/stored_cells.h"
#include "plan/inline_columns.h"

namespace intarsia {

namespace {

std::vector<std::int64_t> ids_in(const RowSet& rows, std::int64_t column) {
  const Column& cells = rows.columns.at(column);
  std::vector<std::int64_t> ids;
  for (std::int64_t row = 0; row < rows.num_rows; ++row) ids.push_back(cells.int_at(row));
  return ids;
}

/// `known` for each row of `own`, with the columns of `own`.
RowSet joined(const RowSet& known, const RowSet& own, std::int64_t key) {
  std::map<std::int64_t, std::int64_t> places;
  const std::vector<std::int64_t> ids = ids_in(known, kRowIdColumn);
  for (std::size_t row = 0; row < ids.size(); ++row) places.emplace(ids[row], static_cast<std::int64_t>(row));
  std::vector<std::int64_t> from;
  for (const std::int64_t id : ids_in(own, key)) from.push_back(places.at(id));
  RowSet rows = known.take(from);
  for (const auto& [id, column] : own.columns) rows.columns.insert_or_assign(id, column);
  return rows;
}

}  // namespace

void Cascade::change(const TableDef& table, RowSet known, const std::set<std::int64_t>& given) {
  RowSet cells{known.num_rows, {}};
  for (const std::int64_t id : {kRowIdColumn, kRootIdColumn}) cells.columns.emplace(id, known.columns.at(id));
  const auto store = [&](const ColumnDef& column, const Column& values) {
    cells.columns.emplace(column.id, stored_cells(engine_, column, values, cells.columns.at(kRowIdColumn), operation_));
  };
  Evaluator evaluator(engine_.threads(), known, &engine_.results());
  for (const ColumnDef& column : table.columns) {
    if (given.contains(column.id)) {
      store(column, known.columns.at(column.id));
    } else if (impact_.changed.contains(column.id)) {
      Column result = evaluator.evaluate(inline_columns(*tree_, column.value)).with_type(column.type.as_nullable());
      store(column, result);
      known.columns.insert_or_assign(column.id, std::move(result));
    }
  }
  if (cells.columns.size() > 2) {
    auto rows = std::make_shared<NewRows>();
    rows->table_id = table.id;
    changes_.changed.add(std::move(rows), std::move(cells));
  }
  for (const TableDef* view : tree_->views_of(table.id)) {
    if (!impact_.reached.contains(view->id)) continue;
    if (impact_.rebuilt.contains(view->id))
      rebuild(*view, known);
    else
      follow(*view, known);
  }
}

void Cascade::rebuild(const TableDef& view, const RowSet& known) {
  if (!view.has_iterator() && !view.filling) return let_in_and_out(view, known);
  end(view, view.has_iterator(), known);
  derivation_.add_view_rows(*tree_, view, known);
}

void Cascade::let_in_and_out(const TableDef& view, const RowSet& known) {
  const std::vector<std::int64_t> chosen = true_rows(
      Evaluator(engine_.threads(), known, &engine_.results()).evaluate(inline_columns(*tree_, view.predicate)));
  const std::set<std::int64_t> inside = members(view, known);
  const std::vector<std::int64_t> ids = ids_in(known, kRowIdColumn);
  std::vector<std::int64_t> entering, staying, leaving;
  for (std::int64_t row = 0; row < known.num_rows; ++row) {
    const bool was_inside = inside.contains(ids[static_cast<std::size_t>(row)]);
    const bool is_inside = std::binary_search(chosen.begin(), chosen.end(), row);
    if (is_inside) (was_inside ? staying : entering).push_back(row);
    if (!is_inside && was_inside) leaving.push_back(row);
  }
  if (!leaving.empty()) end(view, false, known.take(leaving));
  if (!entering.empty()) derivation_.add_view_rows(*tree_, view, known.take(entering));
  if (!staying.empty() && changes_cells(view)) follow(view, known.take(staying));
}

/// Rows of a view that stay: what is read of them is joined to what is known of their bases.
void Cascade::follow(const TableDef& view, const RowSet& known) {
  std::vector<std::int64_t> own;
  for (const std::int64_t id : reads_of(*tree_, view, impact_))
    if (view.find_column(id) != nullptr) own.push_back(id);
  ReadOptions options;
  options.chosen = RowChoice{view.has_iterator(), ids_in(known, kRowIdColumn)};
  options.at_once = !view.has_iterator();
  const auto rows = read_rows(engine_, tree_, view.id, own, options);
  while (const std::optional<RowSet> batch = rows->next())
    change(view, joined(known, *batch, view.has_iterator() ? kParentIdColumn : kRowIdColumn), {});
}

void Cascade::end(const TableDef& view, bool by_parent, const RowSet& rows) {
  changes_.ended.push_back({view.id, by_parent, ids_in(rows, kRowIdColumn), ids_in(rows, kRootIdColumn)});
}

std::set<std::int64_t> Cascade::members(const TableDef& view, const RowSet& rows) {
  ReadOptions options;
  options.chosen = RowChoice{false, ids_in(rows, kRowIdColumn)};
  options.at_once = true;
  std::set<std::int64_t> ids;
  const auto found = read_rows(engine_, tree_, view.id, {}, options);
  while (const std::optional<RowSet> batch = found->next())
    for (const std::int64_t id : ids_in(*batch, kRowIdColumn)) ids.insert(id);
  return ids;
}

bool Cascade::changes_cells(const TableDef& view) const {
  const auto changes = [&](const ColumnDef& column) { return impact_.changed.contains(column.id); };
  if (std::any_of(view.columns.begin(), view.columns.end(), changes)) return true;
  const std::vector<const TableDef*> views = tree_->views_of(view.id);
  return std::any_of(views.begin(), views.end(),
                     [&](const TableDef* above) { return impact_.reached.contains(above->id); });
}

}  // namespace intarsia
