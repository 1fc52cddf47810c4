// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "catalog/tree.h"
#include "intarsia/database.h"
#include "storage/connection.h"

namespace intarsia {

/// At most `limit` cells of a table's own columns that have an error, by row. One round trip. Throws StaleSchema when
/// the catalog is newer than `tree`.
[[nodiscard]] std::vector<ColumnErrors> read_cell_errors(Connection& connection, const Tree& tree,
                                                         std::int64_t table_id, std::int64_t limit);

}  // namespace intarsia
