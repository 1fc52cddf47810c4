// SPDX-License-Identifier: Apache-2.0
// Rows of an Intarsia table on their way into its SQL tables: rows_<id> and the families.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "exec/row_set.h"
#include "storage/connection.h"

namespace intarsia {

/// A SQL table that gets an entry for every new row of an Intarsia table.
struct SqlTarget {
  std::string sql_table;
  bool has_parent = false;                        ///< rows_<id> of an iterator view: parent_id and pos come first
  bool filling = false;                           ///< a generation, or a whole view, that nobody reads yet
  std::vector<const ColumnDef*> columns;          ///< stored ones
  [[nodiscard]] std::string column_list() const;  ///< "row_id, version, c5, c5_note"
};

/// All SQL tables of `table`, rows_<id> first, filling generations included. Refers to `table`.
[[nodiscard]] std::vector<SqlTarget> sql_targets(const TableDef& table);
/// One generation of a table.
[[nodiscard]] SqlTarget sql_target(const TableDef& table, const Generation& generation);

/// `rows` has kRowIdColumn, kParentIdColumn where the target has a parent, and the target's columns; a media cell is a
/// URL by now. A cell that is missing is null. Appends the COPY tuples of all rows.
void append_tuples(const SqlTarget& target, const RowSet& rows, std::int64_t version, std::string& out);
/// "copy fam_7_8 (row_id, ...) from stdin (format binary)".
[[nodiscard]] std::string copy_statement(const SqlTarget& target);
/// One INSERT of all rows, for a pipeline.
[[nodiscard]] Statement insert_statement(const SqlTarget& target, const RowSet& rows, std::int64_t version);

/// One UPDATE that sets the target's columns in the rows' entries, and their version unless that is to stay.
[[nodiscard]] Statement update_statement(const SqlTarget& target, const RowSet& rows,
                                         std::optional<std::int64_t> version = std::nullopt);
/// One INSERT of all rows, or an UPDATE where an entry is there.
[[nodiscard]] Statement upsert_statement(const SqlTarget& target, const RowSet& rows, std::int64_t version);

}  // namespace intarsia
