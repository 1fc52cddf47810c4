// SPDX-License-Identifier: Apache-2.0
// Changes of a table's schema that compute nothing: one short publish each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exec/engine.h"

namespace intarsia {

/// Adds stored columns, null in the rows that are there. `if_exists` kReplace drops a column of the same name first.
void add_stored_columns(Engine& engine, std::int64_t table_id, const std::vector<ColumnSpec>& specs,
                        IfExists if_exists);
/// The column is no more; its cells stay for time travel. Throws Error that names what depends on it.
void drop_column(Engine& engine, std::int64_t table_id, const std::string& name, IfNotExists if_not_exists);
void rename_column(Engine& engine, std::int64_t table_id, const std::string& name, const std::string& new_name);

/// "view.column", "view": what in the tree depends on a column of it.
[[nodiscard]] std::vector<std::string> dependents(const Tree& tree, std::int64_t column_id);

}  // namespace intarsia
