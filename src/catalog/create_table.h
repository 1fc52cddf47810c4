// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "intarsia/database.h"
#include "storage/pool.h"

namespace intarsia {

/// Database::create_table; gives the id of the table, or of the one that `if_exists` keeps.
[[nodiscard]] std::int64_t create_table(Pool& pool, const std::string& path, const std::vector<ColumnSpec>& columns,
                                        const TableOptions& options);

/// A table or view without columns that is not in the catalog yet. Throws Error(kInvalidArgument) for custom metadata
/// that is no JSON.
[[nodiscard]] TableDef new_table(const std::string& described, const std::string& path, const std::string& kind,
                                 const TableOptions& options);
/// `count` ids of objects; the last is to be used first.
[[nodiscard]] std::vector<std::int64_t> reserve_object_ids(Connection& connection, std::size_t count);
[[nodiscard]] std::int64_t take_id(std::vector<std::int64_t>& ids);

}  // namespace intarsia
