// SPDX-License-Identifier: Apache-2.0
// What changes a table. What only tells of one is in table_info.cc.
#include "intarsia/table.h"

#include "exec/add_column.h"
#include "exec/engine.h"
#include "exec/insert.h"
#include "exec/schema_change.h"
#include "exec/update.h"
#include "telemetry/operation_report.h"

namespace intarsia {

namespace {

void add_counts(OperationReport& report, const UpdateStatus& status) {
  const auto add = [&](const char* name, std::int64_t RowCounts::*count) {
    const std::int64_t all = status.table.*count + status.cascade.*count;
    if (all != 0) report.add(name, all);
  };
  report.add("rows", status.table.inserted + status.table.updated + status.table.deleted);
  add("inserted", &RowCounts::inserted);
  add("updated", &RowCounts::updated);
  add("deleted", &RowCounts::deleted);
  add("computed", &RowCounts::computed_values);
  add("errors", &RowCounts::errors);
}

std::string path_of(Engine& engine, std::int64_t table_id) {
  return engine.trees().of_table(table_id)->table(table_id).path;
}

/// `change()`, a change of a table's rows or columns, reported.
template <typename Change>
UpdateStatus reported_change(Engine& engine, std::int64_t table_id, std::string_view kind, const Change& change) {
  return reported(kind, path_of(engine, table_id), LogLevel::kInfo, [&](OperationReport& report) {
    UpdateStatus status = change();
    add_counts(report, status);
    return status;
  });
}

template <typename Change>
void reported_schema_change(Engine& engine, std::int64_t table_id, std::string_view kind, const Change& change) {
  reported(kind, path_of(engine, table_id), LogLevel::kInfo, [&](OperationReport&) { change(); });
}

}  // namespace

UpdateStatus Table::insert(const Batch& rows, const InsertOptions& options) {
  bool given = false;
  return insert(
      [&]() -> std::optional<Batch> {
        if (std::exchange(given, true)) return std::nullopt;
        return rows;
      },
      options);
}

UpdateStatus Table::insert(const std::function<std::optional<Batch>()>& next, const InsertOptions& options) {
  return reported_change(*engine_, id_, "insert", [&] { return insert_rows(*engine_, id_, next, options); });
}

UpdateStatus Table::update(const std::vector<NamedExpr>& values, const Expr& where, const UpdateOptions& options) {
  return reported_change(*engine_, id_, "update", [&] { return update_rows(engine_, id_, values, where, options); });
}

UpdateStatus Table::delete_rows(const Expr& where) {
  return reported_change(*engine_, id_, "delete", [&] { return intarsia::delete_rows(engine_, id_, where); });
}

UpdateStatus Table::add_computed_column(const ColumnSpec& column, OnError on_error, IfExists if_exists) {
  return reported_change(*engine_, id_, "add_column",
                         [&] { return intarsia::add_computed_column(*engine_, id_, column, on_error, if_exists); });
}

UpdateStatus Table::add_columns(const std::vector<ColumnSpec>& columns, OnError on_error, IfExists if_exists) {
  std::vector<ColumnSpec> stored;
  for (const ColumnSpec& column : columns)
    if (column.value.empty()) stored.push_back(column);
  if (!stored.empty())
    reported_schema_change(*engine_, id_, "add_columns", [&] { add_stored_columns(*engine_, id_, stored, if_exists); });
  UpdateStatus status;
  for (const ColumnSpec& column : columns) {
    if (column.value.empty()) continue;
    const UpdateStatus added = add_computed_column(column, on_error, if_exists);
    status.table.updated = std::max(status.table.updated, added.table.updated);
    status.table.errors += added.table.errors;
    status.table.computed_values += added.table.computed_values;
    for (const std::string& name : added.columns_with_errors) status.columns_with_errors.push_back(name);
  }
  return status;
}

void Table::drop_column(const std::string& column, IfNotExists if_not_exists) {
  reported_schema_change(*engine_, id_, "drop_column",
                         [&] { intarsia::drop_column(*engine_, id_, column, if_not_exists); });
}

void Table::rename_column(const std::string& column, const std::string& new_name) {
  reported_schema_change(*engine_, id_, "rename_column",
                         [&] { intarsia::rename_column(*engine_, id_, column, new_name); });
}

}  // namespace intarsia
