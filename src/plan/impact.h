// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>

#include "catalog/tree.h"

namespace intarsia {

/// What new cells in some columns of a table change elsewhere in its tree.
struct Impact {
  std::set<std::int64_t> changed;  ///< columns with new cells: those given, and all that are computed from them
  std::set<std::int64_t> rebuilt;  ///< views whose rows follow from them, and not only cells
  std::set<std::int64_t> reached;  ///< views that are rebuilt, or in which or above which something changes
};

/// The impact of new cells in columns of `table`.
[[nodiscard]] Impact impact_of(const Tree& tree, const TableDef& table, const std::set<std::int64_t>& columns);
/// Columns of the table, its bases and its views that must be known of a changed row to bring all of this about.
[[nodiscard]] std::set<std::int64_t> reads_of(const Tree& tree, const TableDef& table, const Impact& impact);

/// Columns of a table's bases (and its own iterator outputs that are not stored) that its computed columns, its views,
/// their columns ... read.
[[nodiscard]] std::set<std::int64_t> columns_for(const Tree& tree, const TableDef& table);
/// Columns of the base that making rows of `view`, and what follows from them, reads.
[[nodiscard]] std::set<std::int64_t> base_columns_for(const Tree& tree, const TableDef& view);

}  // namespace intarsia
