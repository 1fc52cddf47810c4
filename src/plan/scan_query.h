// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "intarsia/expr.h"
#include "plan/scan_sql.h"
#include "plan/sql_text.h"

namespace intarsia {

/// The place of a row in the order that SQL was asked for.
inline constexpr std::int64_t kRankColumn = -3;
/// The position of a row of an iterator view.
inline constexpr std::int64_t kPositionColumn = -4;

struct SortKey {
  Expr expr;
  bool ascending = true;
};

/// One column of what a scan reads.
struct ScanItem {
  enum class Source { kExpr, kNote, kRowId, kParentId, kPosition, kRank };
  std::int64_t id = 0;  ///< under which the batch has it; of a note, the column that it belongs to
  Type type = {};
  Source source = Source::kExpr;
  Expr expr = {};  ///< of kExpr
};

/// Some rows, by their ids or by those of their base rows (of an iterator view).
struct RowChoice {
  bool by_parent = false;
  std::vector<std::int64_t> ids;
};

/// What PostgreSQL does for a query: one statement over one table and its bases.
struct ScanQuery {
  std::int64_t table_id = 0;
  std::vector<ScanItem> items;
  std::vector<Expr> where;
  std::optional<std::int64_t> as_of;  ///< a place in the order of publishing; nullopt: now
  std::optional<RowChoice> chosen;    ///< one more condition
  std::optional<RowRange> range;      ///< and one more
  std::string sql_where;              ///< and one more
  std::vector<SortKey> order;         ///< then in insertion order
  bool unordered = false;             ///< in any order at all
  /// Rows come in the order of this table of the chain, so that its outputs can be decoded; kRankColumn keeps `order`.
  std::optional<std::size_t> decoded_depth;
  bool is_aggregate = false;
  std::vector<Expr> group_by;
  std::optional<std::int64_t> limit;
  std::int64_t offset = 0;
  bool from_end = false;  ///< the limit takes the last rows
};

/// The select statement. `parameters` null: literals are written out, as COPY needs it.
[[nodiscard]] std::string scan_statement(const Tree& tree, const ScanQuery& query, SqlParameters* parameters);
/// `select count(*)` of the rows that the query has.
[[nodiscard]] std::string count_statement(const Tree& tree, const ScanQuery& query, SqlParameters* parameters);

}  // namespace intarsia
