// SPDX-License-Identifier: Apache-2.0
#include "storage/row_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/note.h"
#include "storage/wire.h"

namespace intarsia {

namespace {

/// The values of one SQL column.
struct SqlColumn {
  std::string name;
  Column cells;
};

Column all_null(const Type& type, std::int64_t rows) {
  return Column::constant(type.as_nullable(), Value(), rows);
}

/// The columns of a target after row_id and version.
std::vector<SqlColumn> sql_columns(const SqlTarget& target, const RowSet& rows) {
  std::vector<SqlColumn> columns;
  if (target.has_parent) columns.push_back({"parent_id", rows.columns.at(kParentIdColumn)});
  for (const ColumnDef* column : target.columns) {
    const auto cells = rows.columns.find(column->id);
    const Column values = cells == rows.columns.end() ? all_null(column->type, rows.num_rows) : cells->second;
    columns.push_back({sql_name(*column), values});
    if (has_note(*column)) columns.push_back({sql_name(*column) + "_note", notes_of(values)});
  }
  return columns;
}

}  // namespace

std::string SqlTarget::column_list() const {
  std::string list = "row_id, version";
  if (has_parent) list += ", parent_id";
  for (const ColumnDef* column : columns) {
    list += ", " + sql_name(*column);
    if (has_note(*column)) list += ", " + sql_name(*column) + "_note";
  }
  return list;
}

SqlTarget sql_target(const TableDef& table, const Generation& generation) {
  SqlTarget target{generation.sql_table, false, table.filling || generation.filling, {}};
  for (const std::int64_t id : generation.column_ids)
    if (const ColumnDef* column = table.find_column(id)) target.columns.push_back(column);
  return target;
}

std::vector<SqlTarget> sql_targets(const TableDef& table) {
  std::vector<SqlTarget> targets{{table.rows_table(), table.has_iterator(), table.filling, {}}};
  for (const ColumnDef& column : table.columns)
    if (column.stored && table.sql_table_of(column.id) == targets[0].sql_table) targets[0].columns.push_back(&column);
  for (const Generation& generation : table.generations) {
    SqlTarget target = sql_target(table, generation);
    if (!target.columns.empty()) targets.push_back(std::move(target));
  }
  return targets;
}

void append_tuples(const SqlTarget& target, const RowSet& rows, std::int64_t version, std::string& out) {
  const std::vector<SqlColumn> columns = sql_columns(target, rows);
  const Column& row_ids = rows.columns.at(kRowIdColumn);
  const int fields = static_cast<int>(columns.size()) + 2;
  for (std::int64_t row = 0; row < rows.num_rows; ++row) {
    wire::append_field_count(fields, out);
    wire::append_int_field(row_ids.int_at(row), out);
    wire::append_int_field(version, out);
    for (const SqlColumn& column : columns) wire::append_field(column.cells, row, out);
  }
}

std::string copy_statement(const SqlTarget& target) {
  return fmt::format("copy {} ({}) from stdin (format binary)", target.sql_table, target.column_list());
}

Statement update_statement(const SqlTarget& target, const RowSet& rows, std::optional<std::int64_t> version) {
  Statement statement;
  std::string settings;
  if (version) {
    statement.parameters.add(*version);
    settings = "version = $1";
  }
  statement.parameters.add_array(rows.columns.at(kRowIdColumn));
  std::string arrays = fmt::format("${}::bigint[]", statement.parameters.size());
  std::string names = "row_id";
  for (const SqlColumn& column : sql_columns(target, rows)) {
    statement.parameters.add_array(column.cells);
    arrays += fmt::format(", ${}::{}[]", statement.parameters.size(), wire::sql_type(column.cells.type()));
    names += ", " + column.name;
    settings += fmt::format("{0}{1} = u.{1}", settings.empty() ? "" : ", ", column.name);
  }
  statement.sql = fmt::format("update {0} r set {1} from unnest({2}) as u({3}) where r.row_id = u.row_id",
                              target.sql_table, settings, arrays, names);
  return statement;
}

Statement upsert_statement(const SqlTarget& target, const RowSet& rows, std::int64_t version) {
  Statement statement = insert_statement(target, rows, version);
  statement.sql += " on conflict (row_id) do update set version = excluded.version";
  for (const SqlColumn& column : sql_columns(target, rows))
    statement.sql += fmt::format(", {0} = excluded.{0}", column.name);
  return statement;
}

Statement insert_statement(const SqlTarget& target, const RowSet& rows, std::int64_t version) {
  Statement statement;
  std::string arrays = "$2::bigint[]";
  std::string names = "row_id";
  statement.parameters.add(version).add_array(rows.columns.at(kRowIdColumn));
  for (const SqlColumn& column : sql_columns(target, rows)) {
    statement.parameters.add_array(column.cells);
    arrays += fmt::format(", ${}::{}[]", statement.parameters.size(), wire::sql_type(column.cells.type()));
    names += ", " + column.name;
  }
  statement.sql = fmt::format("insert into {0} (version, {1}) select $1, {1} from unnest({2}) as u({1})",
                              target.sql_table, names, arrays);
  return statement;
}

}  // namespace intarsia
