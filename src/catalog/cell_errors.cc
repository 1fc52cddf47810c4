// SPDX-License-Identifier: Apache-2.0
#include "catalog/cell_errors.h"

#include <fmt/format.h>

#include "storage/note.h"
#include "storage/publish.h"

namespace intarsia {

namespace {

/// Cells with an error of one column; $1 bounds them.
std::string errors_of_column(const TableDef& table, const ColumnDef& column) {
  return fmt::format(
      "(select row_id, {0}::bigint as id, {1}_note::text as note from {2} "
      "where {1}_note is not null and {1}_note ? 'error' order by row_id limit $1)",
      column.id, sql_name(column), table.sql_table_of(column.id));
}

}  // namespace

std::vector<ColumnErrors> read_cell_errors(Connection& connection, const Tree& tree, std::int64_t table_id,
                                           std::int64_t limit) {
  const TableDef& table = tree.table(table_id);
  std::string parts;
  for (const ColumnDef& column : table.columns)
    if (has_note(column) && !column.filling)
      parts += (parts.empty() ? "" : " union all ") + errors_of_column(table, column);
  if (parts.empty()) return {};
  Statement select{fmt::format("select row_id, id, note from ({}) e order by row_id, id limit $1", parts)};
  select.parameters.add(limit);
  const std::vector<SqlRows> results = connection.pipeline({check_schema(tree.id, tree.schema_version), select});
  const SqlRows& rows = results[1];
  std::vector<ColumnErrors> errors;
  for (int row = 0; row < rows.size(); ++row)
    errors.push_back(
        {table.find_column(rows.int_at(row, 1))->name, rows.int_at(row, 0), error_of_note(rows.text_at(row, 2))});
  return errors;
}

}  // namespace intarsia
