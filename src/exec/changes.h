// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "exec/spool.h"

namespace intarsia {

/// Rows that an operation ends: those with these ids, or all that come from these rows of the base. What comes from
/// them in views ends with them.
struct EndedRows {
  std::int64_t table_id = 0;
  bool by_parent = false;
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> roots;  ///< of each id; empty: they are the roots
};

/// Rows and cells by table.
struct ChangeCounts {
  std::map<std::int64_t, RowCounts> by_table;
  std::set<std::string> columns_with_errors;  ///< "table.column"
};

/// What an update or a delete does, before it is published. All of it follows from rows of one table, the roots.
struct Changes {
  explicit Changes(Engine& engine) : made(engine.new_row_store()), changed(engine.new_row_store()) {}

  std::vector<std::int64_t> roots;  ///< ascending
  Spool made;                       ///< new rows of views
  Spool changed;                    ///< rows that stay: kRowIdColumn, kRootIdColumn, and the columns with new cells
  std::vector<EndedRows> ended;

  [[nodiscard]] bool empty() const { return roots.empty(); }
  [[nodiscard]] std::int64_t byte_size() const { return made.byte_size() + changed.byte_size(); }
  void add_roots(const Column& row_ids);
  /// Takes away all that follows from some roots.
  void forget(const std::set<std::int64_t>& roots);
  /// Without the ended rows, of which only the server knows how many they are.
  [[nodiscard]] ChangeCounts counts(const Tree& tree) const;
};

}  // namespace intarsia
