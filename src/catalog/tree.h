// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intarsia/table.h"
#include "storage/connection.h"

namespace intarsia {

/// A column as the catalog has it.
struct ColumnDef : ColumnInfo {
  bool filling = false;  ///< being filled: written by every operation, read by none
  int position = 0;
};

/// A SQL table that holds some of a table's columns: a generation of a column family.
struct Generation {
  std::int64_t id = 0;
  std::string sql_table;
  std::vector<std::int64_t> column_ids;
  bool filling = false;
};

/// A table or view as the catalog has it now.
struct TableDef {
  std::int64_t id = 0;
  std::int64_t tree_id = 0;
  std::int64_t directory_id = 0;
  std::int64_t base_id = 0;  ///< 0: a base table
  std::string uuid;
  std::string name;
  std::string path;  ///< "dir/name"
  std::string kind;  ///< "table", "view"
  bool filling = false;
  Expr iterator;   ///< empty: none
  Expr predicate;  ///< empty: none
  MediaValidation media_validation = MediaValidation::kOnWrite;
  std::string comment;
  std::string custom_metadata;
  std::vector<ColumnDef> columns;  ///< its own, by position
  std::vector<Generation> generations;

  [[nodiscard]] std::string rows_table() const { return "rows_" + std::to_string(id); }
  [[nodiscard]] bool has_iterator() const { return !iterator.empty(); }
  /// The SQL table that holds a column: a generation's, else rows_<id>. Filling columns are in filling generations.
  [[nodiscard]] const std::string& sql_table_of(std::int64_t column_id) const;
  [[nodiscard]] const ColumnDef* find_column(std::int64_t column_id) const;
  mutable std::string rows_table_name;  // what sql_table_of refers to
};

/// Its name in SQL: "c<id>", or "pos" for the position that every iterator view has.
[[nodiscard]] std::string sql_name(const ColumnDef& column);
/// The first column of an iterator view: the position among the rows of the same base row.
[[nodiscard]] bool is_position(const ColumnDef& column);
/// Every cell of such a column can have a note (an error, an override).
[[nodiscard]] bool has_note(const ColumnDef& column);
/// Cells of this type have a family of their own from the start.
[[nodiscard]] bool is_wide(const Type& type);

/// A base table with all views on it, at one schema_version. Immutable once loaded.
struct Tree {
  std::int64_t id = 0;
  std::int64_t schema_version = 0;
  std::map<std::int64_t, TableDef> tables;

  [[nodiscard]] const TableDef& table(std::int64_t table_id) const;
  /// The table, its base, the base's base, ...
  [[nodiscard]] std::vector<const TableDef*> with_bases(std::int64_t table_id) const;
  /// Views directly on it, by id.
  [[nodiscard]] std::vector<const TableDef*> views_of(std::int64_t table_id) const;
  /// Visible columns: its own first, then its bases'.
  [[nodiscard]] std::vector<const ColumnDef*> columns_of(std::int64_t table_id) const;
  /// The column with this id and the table that has it; nullptr when it is gone.
  [[nodiscard]] const ColumnDef* find_column(std::int64_t table_id, std::int64_t column_id) const;
  [[nodiscard]] Expr column_expr(const ColumnDef& column) const;
};

/// nullptr when there is no such tree (any more).
[[nodiscard]] std::shared_ptr<const Tree> load_tree(Connection& connection, std::int64_t tree_id);

}  // namespace intarsia
