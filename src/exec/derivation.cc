// SPDX-License-Identifier: Apache-2.0
#include "exec/derivation.h"

#include <fmt/format.h>

#include <algorithm>

#include "exec/evaluate.h"
#include "exec/input_rows.h"
#include "exec/stored_cells.h"
#include "exec/view_rows.h"
#include "plan/impact.h"
#include "plan/inline_columns.h"
#include "telemetry/span.h"

namespace intarsia {

namespace {

constexpr std::int64_t kRowsPerBatch = 8192;
constexpr std::int64_t kMediaRowsPerBatch = 32;
constexpr std::int64_t kSpareIds = 256;
constexpr std::int64_t kFirstBatchPart = 4;

bool is_missing(const ColumnDef& column, const RowSet& cells) {
  return column.stored && !column.value.empty() && !cells.has(column.id);
}

bool lacks_columns(const TableDef& table, const RowSet& cells) {
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [&](const ColumnDef& column) { return is_missing(column, cells); });
}

}  // namespace

std::int64_t most_rows_per_batch(const Tree& tree, int threads) {
  for (const auto& [id, table] : tree.tables)
    for (const ColumnDef& column : table.columns)
      if (column.type.is_media()) return std::max<std::int64_t>(kMediaRowsPerBatch, threads * 8L);
  return kRowsPerBatch;
}

BatchSize batch_size(Engine& engine, const Tree& tree) {
  const std::int64_t most = most_rows_per_batch(tree, engine.threads().count());
  return {most / kFirstBatchPart, most, engine.memory()->batch_bytes()};
}

Derivation::Derivation(Engine& engine, const Operation& operation, std::string description, OnError on_error,
                       Spool& spool, ProgressMeter& progress)
    : engine_(engine),
      operation_(operation),
      description_(std::move(description)),
      on_error_(on_error),
      spool_(spool),
      progress_(progress) {}

void Derivation::add(const Tree& tree, std::int64_t table_id, RowSet input) {
  const TableDef& table = tree.table(table_id);
  Span span(SpanKind::kBatch, "batch");
  span.set_rows(input.num_rows);
  auto rows = std::make_shared<NewRows>();
  rows->table_id = table_id;
  rows->first_row = counts_[table_id].inserted;
  RowSet cells{input.num_rows, {{kRowIdColumn, input.columns.at(kRowIdColumn)}}};
  for (const ColumnDef& column : table.columns) {
    if (!input.has(column.id)) continue;
    const Column& given = input.columns.at(column.id);
    if (const std::int64_t errors = count_errors(given); errors > 0) note_errors(table, column, given, *rows);
    cells.columns.emplace(column.id, stored_cells(engine_, column, given, cells.columns.at(kRowIdColumn), operation_));
  }
  complete(tree, table, rows, std::move(input), std::move(cells));
}

void Derivation::add_view_rows(const Tree& tree, const TableDef& view, const RowSet& base) {
  Span span(SpanKind::kBatch, "batch");
  span.set_rows(base.num_rows);
  auto base_rows = std::make_shared<NewRows>();
  base_rows->table_id = view.base_id;
  derive_view(tree, view, base_rows, base);
}

void Derivation::complete(const Tree& tree, const TableDef& table, const std::shared_ptr<NewRows>& rows, RowSet known,
                          RowSet cells) {
  const std::int64_t before = counts_[table.id].computed_values;
  compute_columns(tree, table, *rows, known, cells);
  heaviest_ = std::max(heaviest_, known.byte_size());
  const std::int64_t num_rows = cells.num_rows;
  spool_.add(rows, std::move(cells));
  counts_[table.id].inserted += num_rows;
  progress_.advance(table.base_id == 0 ? num_rows : 0, counts_[table.id].computed_values - before);
  derive_views(tree, table, rows, known);
}

void Derivation::compute_columns(const Tree& tree, const TableDef& table, const NewRows& rows, RowSet& known,
                                 RowSet& cells) {
  Evaluator evaluator(engine_.threads(), known, &engine_.results());
  for (const ColumnDef& column : table.columns) {
    if (!is_missing(column, cells)) continue;
    const Column result = evaluator.evaluate(inline_columns(tree, column.value)).with_type(column.type.as_nullable());
    note_errors(table, column, result, rows);
    counts_[table.id].computed_values += result.length();
    cells.columns.emplace(column.id, stored_cells(engine_, column, result, cells.columns.at(kRowIdColumn), operation_));
    known.columns.insert_or_assign(column.id, result);
  }
}

void Derivation::note_errors(const TableDef& table, const ColumnDef& column, const Column& result,
                             const NewRows& rows) {
  const std::int64_t errors = count_errors(result);
  if (errors == 0 || column.filling) return;  // of a filling column they concern who fills it
  if (on_error_ == OnError::kAbort) {
    const std::int64_t row = first_error(result);
    const CellError& error = *result.error_at(row);
    throw Error(ErrorCode::kUnsupportedOperation,
                fmt::format("{}: column '{}'{} failed in row {} of '{}': {}: {} (on_error='ignore' keeps such a cell "
                            "as a null with its error)",
                            description_, column.name, column.value.empty() ? "" : " = " + column.value.text(),
                            rows.first_row + row, table.path, error.type, error.message),
                error.traceback);
  }
  counts_[table.id].errors += errors;
  columns_with_errors_.insert(table.name + "." + column.name);
}

void Derivation::derive_views(const Tree& tree, const TableDef& table, const std::shared_ptr<NewRows>& rows,
                              const RowSet& known) {
  for (const TableDef* view : tree.views_of(table.id))
    if (rows->derived.insert(view->id).second) derive_view(tree, *view, rows, known);
}

void Derivation::derive_view(const Tree& tree, const TableDef& view, const std::shared_ptr<NewRows>& base,
                             const RowSet& known) {
  std::vector<std::int64_t> base_rows;
  if (view.predicate.empty()) {
    for (std::int64_t row = 0; row < known.num_rows; ++row) base_rows.push_back(row);
  } else {
    base_rows = true_rows(
        Evaluator(engine_.threads(), known, &engine_.results()).evaluate(inline_columns(tree, view.predicate)));
  }
  if (view.has_iterator()) return expand(tree, view, base, known, base_rows);
  if (base_rows.empty()) return;
  auto rows = std::make_shared<NewRows>();
  rows->table_id = view.id;
  rows->base = base;
  RowSet taken = known.take(base_rows);
  rows->base_rows = std::move(base_rows);
  RowSet cells{taken.num_rows, {{kRowIdColumn, taken.columns.at(kRowIdColumn)}}};
  if (taken.has(kRootIdColumn)) cells.columns.emplace(kRootIdColumn, taken.columns.at(kRootIdColumn));
  complete(tree, view, rows, std::move(taken), std::move(cells));
}

void Derivation::expand(const Tree& tree, const TableDef& view, const std::shared_ptr<NewRows>& base,
                        const RowSet& known, const std::vector<std::int64_t>& base_rows) {
  Evaluator evaluator(engine_.threads(), known, &engine_.results());
  std::vector<Column> args;
  for (const Expr& arg : view.iterator.args()) args.push_back(evaluator.evaluate(inline_columns(tree, arg)));
  const std::set<std::int64_t> wanted = columns_for(tree, view);
  ViewRowBuilder builder(view, wanted, most_rows_per_batch(tree, engine_.threads().count()),
                         engine_.memory()->batch_bytes());
  const auto finish = [&] {
    if (builder.num_rows() == 0) return;
    auto rows = std::make_shared<NewRows>();
    rows->table_id = view.id;
    rows->base = base;
    RowSet own = builder.finish(rows->base_rows);
    const std::vector<std::int64_t>& from = rows->base_rows;
    own.columns.emplace(kRowIdColumn, reserve_rows(own.num_rows));
    own.columns.emplace(kParentIdColumn, known.columns.at(kRowIdColumn).take(from));
    if (known.has(kRootIdColumn)) own.columns.emplace(kRootIdColumn, known.columns.at(kRootIdColumn).take(from));
    RowSet cells{own.num_rows, {}};
    for (const auto& [id, column] : own.columns)
      if (const ColumnDef* def = view.find_column(id); id < 0 || is_position(*def) || def->stored)
        cells.columns.emplace(
            id, id < 0 ? column : stored_cells(engine_, *def, column, own.columns.at(kRowIdColumn), operation_));
    for (const auto& [id, column] : known.columns)
      if (wanted.contains(id)) own.columns.emplace(id, column.take(from));
    complete(tree, view, rows, std::move(own), std::move(cells));
  };
  for (const std::int64_t row : base_rows) {
    try {
      builder.expand(args, row, finish);
    } catch (const RowFailure& failure) {
      if (on_error_ == OnError::kAbort)
        throw Error(ErrorCode::kUnsupportedOperation,
                    fmt::format("{}: {} failed for row {} of its base '{}': {}", description_, view.iterator.text(),
                                base->first_row + row, tree.table(view.base_id).path, failure.what()));
      ++counts_[view.id].errors;
    }
  }
  finish();
}

RowSet Derivation::known_of(const Tree& tree, const TableDef& table, const NewRows& rows) const {
  RowSet known = spool_.cells(rows);
  for (auto& [id, column] : known.columns)
    if (column.type().is_media()) column = with_media_cells(column);
  if (rows.base == nullptr) return known;
  const RowSet base = known_of(tree, tree.table(rows.base->table_id), *rows.base);
  const std::set<std::int64_t> wanted = columns_for(tree, table);
  if (table.has_iterator()) decode_outputs(tree, table, engine_.threads(), base.take(rows.base_rows), wanted, known);
  for (const auto& [id, column] : base.columns)
    if (wanted.contains(id)) known.columns.emplace(id, column.take(rows.base_rows));
  return known;
}

void Derivation::bring_up_to(const Tree& tree) {
  const std::vector<std::shared_ptr<NewRows>> made = spool_.all();
  for (const std::shared_ptr<NewRows>& rows : made) {
    const auto table = tree.tables.find(rows->table_id);
    if (table == tree.tables.end()) continue;  // a view that was dropped meanwhile
    const std::vector<const TableDef*> views = tree.views_of(table->first);
    const bool lacks_views = std::any_of(views.begin(), views.end(),
                                         [&](const TableDef* view) { return !rows->derived.contains(view->id); });
    RowSet cells = spool_.cells(*rows);
    const bool lacks_cells = lacks_columns(table->second, cells);
    if (!lacks_cells && !lacks_views) continue;
    RowSet known = known_of(tree, table->second, *rows);
    compute_columns(tree, table->second, *rows, known, cells);
    if (lacks_cells) spool_.replace(*rows, std::move(cells));
    derive_views(tree, table->second, rows, known);
  }
}

Column Derivation::reserve_rows(std::int64_t count) {
  const auto wanted = static_cast<std::size_t>(count);
  if (spare_ids_.size() < wanted) {
    spare_ids_ = reserve_ids(*engine_.connect(), "row_ids", std::max(count, kSpareIds));
    std::reverse(spare_ids_.begin(), spare_ids_.end());
  }
  std::vector<std::int64_t> ids(spare_ids_.rbegin(), spare_ids_.rbegin() + count);
  spare_ids_.resize(spare_ids_.size() - wanted);
  return ids_column(ids);
}

}  // namespace intarsia
