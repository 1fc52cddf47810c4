// SPDX-License-Identifier: Apache-2.0
// Statements that change a table's columns and generations in the catalog. They belong into a publish.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "storage/connection.h"

namespace intarsia {

/// A column from operation `since` on; it is of the version that the publish makes.
[[nodiscard]] Statement insert_column(const ColumnDef& column, std::int64_t since);
[[nodiscard]] Statement insert_generation(std::int64_t table_id, const Generation& generation, std::int64_t since);
/// The column is no more from operation `until` on; its cells stay for time travel.
[[nodiscard]] Statement end_column(std::int64_t column_id, std::int64_t until);
[[nodiscard]] Statement end_generation(std::int64_t generation_id, std::int64_t until);
/// The column has another name from operation `since` on.
[[nodiscard]] std::vector<Statement> rename_column_rows(std::int64_t column_id, const std::string& name,
                                                        std::int64_t since);
/// A column that has been filled is read from now on, under `name`.
[[nodiscard]] Statement publish_column(std::int64_t column_id, const std::string& name);
[[nodiscard]] Statement publish_generation(std::int64_t generation_id);

/// ", c5 bigint, c5_note jsonb": a column's definition in SQL, for CREATE TABLE.
[[nodiscard]] std::string column_ddl(const ColumnDef& column);
/// ALTER TABLE that adds the column, with its index.
[[nodiscard]] std::string column_alteration(const std::string& sql_table, const ColumnDef& column);
/// CREATE INDEX of the cells with a note, which are few, or nothing for a column without notes.
[[nodiscard]] std::string note_index_ddl(const std::string& sql_table, const ColumnDef& column);
/// CREATE TABLE of a family's generation, with its indexes.
[[nodiscard]] std::string family_ddl(const std::string& sql_table, const ColumnDef& column);

}  // namespace intarsia
