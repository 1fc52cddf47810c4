// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "exec/engine.h"
#include "exec/operator.h"
#include "plan/scan_query.h"

namespace intarsia {

struct ReadOptions {
  std::optional<RowChoice> chosen = std::nullopt;
  std::optional<RowRange> range = std::nullopt;
  std::string where = {};  ///< one more condition, in SQL over the names of ScanSql
  bool at_once = false;    ///< few rows: the statement ends before the first batch is given
};

/// Reads stored columns of a table or of its bases, and outputs of iterators, which are decoded on the way. Every batch
/// has kRowIdColumn, and kParentIdColumn for an iterator view; cells have their errors; what is loaded of a media cell
/// stays with the batch. Rows come in insertion order. The first next() throws StaleSchema when `tree` is not the
/// newest.
[[nodiscard]] OperatorPtr read_rows(Engine& engine, std::shared_ptr<const Tree> tree, std::int64_t table_id,
                                    const std::vector<std::int64_t>& column_ids, const ReadOptions& options);

}  // namespace intarsia
