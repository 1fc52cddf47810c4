// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "intarsia/batch.h"

namespace intarsia {

/// Pseudo columns that every table has.
inline constexpr std::int64_t kRowIdColumn = -1;
inline constexpr std::int64_t kParentIdColumn = -2;
/// Of what follows from a changed row: the id of that row, the root of all of it.
inline constexpr std::int64_t kRootIdColumn = -5;

/// A column of ids.
[[nodiscard]] inline Column ids_column(std::span<const std::int64_t> ids) {
  ColumnBuilder column{Type(TypeKind::kInt)};
  column.reserve(static_cast<std::int64_t>(ids.size()));
  for (const std::int64_t id : ids) column.append_int(id);
  return column.finish();
}

/// A batch on its way through the engine: columns by their id (ids are unique in an instance).
struct RowSet {
  std::int64_t num_rows = 0;
  std::map<std::int64_t, Column> columns;

  [[nodiscard]] bool has(std::int64_t column_id) const { return columns.contains(column_id); }
  [[nodiscard]] std::int64_t byte_size() const {
    std::int64_t bytes = 0;
    for (const auto& [id, column] : columns) bytes += column.byte_size();
    return bytes;
  }
  [[nodiscard]] RowSet take(std::span<const std::int64_t> rows) const {
    RowSet taken{static_cast<std::int64_t>(rows.size()), {}};
    for (const auto& [id, column] : columns) taken.columns.emplace(id, column.take(rows));
    return taken;
  }
  [[nodiscard]] RowSet slice(std::int64_t begin, std::int64_t length) const {
    RowSet part{length, {}};
    for (const auto& [id, column] : columns) part.columns.emplace(id, column.slice(begin, length));
    return part;
  }
};

}  // namespace intarsia
