// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "catalog/tree.h"
#include "plan/scan_query.h"

namespace intarsia {

/// Rows of a batch in which media are decoded.
inline constexpr std::int64_t kMediaRowsPerBatch = 32;

/// How columns of a table and its bases are read: some by SQL, some decoded after it.
struct ReadPlan {
  ScanQuery scan;
  std::vector<const TableDef*> decoded;  ///< views whose outputs are decoded, the deepest base first
};

/// Reads `column_ids`, the row id, and the parent's id for an iterator view; `notes`: also the errors of the cells.
/// Throws Error(kColumnNotFound).
[[nodiscard]] ReadPlan plan_read(const Tree& tree, std::int64_t table_id, const std::vector<std::int64_t>& column_ids,
                                 bool notes);

}  // namespace intarsia
