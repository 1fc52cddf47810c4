// SPDX-License-Identifier: Apache-2.0
// Statements that change which tables the catalog has. They belong into a publish.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "storage/connection.h"

namespace intarsia {

/// A new tree at schema_version 1, and its lock view.
void insert_tree(Connection& connection, std::int64_t tree_id);
/// A new table with its columns and generations, and its SQL tables, which are empty.
void insert_table(Connection& connection, const TableDef& table, std::int64_t since);
/// Tables with their columns and generations are no more from operation `until` on.
[[nodiscard]] std::vector<Statement> end_tables(std::span<const std::int64_t> table_ids, std::int64_t until);

/// CREATE TABLE of rows_<id>, with its indexes.
[[nodiscard]] std::string rows_ddl(const TableDef& table);

}  // namespace intarsia
