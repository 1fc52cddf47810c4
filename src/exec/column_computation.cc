// SPDX-License-Identifier: Apache-2.0
#include "exec/column_computation.h"

#include <fmt/format.h>

#include <algorithm>

#include "exec/evaluate.h"
#include "exec/stored_cells.h"
#include "plan/inline_columns.h"
#include "telemetry/span.h"

namespace intarsia {

namespace {

constexpr std::int64_t kFirstRows = 128;
constexpr std::int64_t kMostRows = 8192;

constexpr std::int64_t kMostRowsCounted = 200'000;

}  // namespace

std::int64_t estimated_rows(Connection& connection, const TableDef& table) {
  SqlParameters parameters;
  parameters.add(std::string_view(table.rows_table()));
  const std::int64_t estimate =
      connection.query("select reltuples::bigint from pg_class where oid = to_regclass($1)", parameters).int_at(0, 0);
  if (estimate > 0) return estimate;
  const std::int64_t counted = count_rows(connection, table, kMostRowsCounted);
  return counted < kMostRowsCounted ? counted : -1;
}

std::int64_t count_rows(Connection& connection, const TableDef& table, std::int64_t most) {
  SqlParameters parameters;
  parameters.add(most);
  return connection
      .query(fmt::format("select count(*) from (select 1 from {} limit $1) r", table.rows_table()), parameters)
      .int_at(0, 0);
}

ColumnComputation::ColumnComputation(Engine& engine, const Tree& tree, const ColumnDef& column,
                                     const Operation& operation, OnError on_error)
    : engine_(engine),
      column_(column),
      operation_(operation),
      on_error_(on_error),
      batch_size_(kFirstRows, kMostRows, engine.memory()->batch_bytes()),
      table_path_(tree.table(column.table_id).path),
      table_name_(tree.table(column.table_id).name),
      progress_(engine, fmt::format("add column '{}' to '{}'", column.name, table_path_),
                estimated_rows(*engine.connect(), tree.table(column.table_id)), true) {
  progress_.watch(operation_);
}

std::set<std::int64_t> ColumnComputation::inputs(const Tree& tree) const {
  std::set<std::int64_t> ids;
  visit_columns(inline_columns(tree, column_.value), [&](std::int64_t id) { ids.insert(id); });
  return ids;
}

void ColumnComputation::compute(const Tree& tree, const RowSet& rows, const std::function<void(RowSet)>& take) {
  for (std::int64_t begin = 0, count = 0; begin < rows.num_rows; begin += count) {
    count = std::min(batch_size_.rows(), rows.num_rows - begin);
    Span span(SpanKind::kBatch, "batch");
    span.set_rows(count);
    const RowSet some = rows.slice(begin, count);
    RowSet cells = computed(tree, some);
    batch_size_.learn(count, some.byte_size() + cells.byte_size());
    take(std::move(cells));
  }
}

RowSet ColumnComputation::computed(const Tree& tree, const RowSet& rows) {
  const Column result = Evaluator(engine_.threads(), rows, &engine_.results())
                            .evaluate(inline_columns(tree, column_.value))
                            .with_type(column_.type.as_nullable());
  const std::int64_t errors = count_errors(result);
  if (errors > 0 && on_error_ == OnError::kAbort) {
    const std::int64_t row = first_error(result);
    const CellError& error = *result.error_at(row);
    throw Error(ErrorCode::kUnsupportedOperation,
                fmt::format("add column '{}' to '{}': error while evaluating computed column '{}' = {} in row {}: {}: "
                            "{} (on_error='ignore' keeps such a cell as a null with its error)",
                            column_.name, table_path_, column_.name, column_.value.text(), counts_.updated + row,
                            error.type, error.message),
                error.traceback);
  }
  counts_.updated += rows.num_rows;
  counts_.computed_values += rows.num_rows;
  counts_.errors += errors;
  const Column& row_ids = rows.columns.at(kRowIdColumn);
  RowSet cells{rows.num_rows, {{kRowIdColumn, row_ids}}};
  cells.columns.emplace(column_.id, stored_cells(engine_, column_, result, row_ids, operation_));
  progress_.advance(rows.num_rows, rows.num_rows);
  return cells;
}

UpdateStatus ColumnComputation::status() const {
  UpdateStatus status;
  status.table = counts_;
  if (counts_.errors > 0) status.columns_with_errors.push_back(table_name_ + "." + column_.name);
  return status;
}

NewVersion ColumnComputation::version(const std::string& name) const {
  return {column_.table_id, "Added: " + name, counts_};
}

}  // namespace intarsia
