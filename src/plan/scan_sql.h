// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/tree.h"
#include "intarsia/expr.h"
#include "storage/row_writer.h"

namespace intarsia {

/// Rows by their ids, or rows of an iterator view by those of their base rows.
struct RowRange {
  bool by_parent = false;
  std::int64_t first = 0;
  std::optional<std::int64_t> last = std::nullopt;
};

/// Names in the SQL that reads one table: t0 is the table, t1 its base, and so on; f<id> is a generation. A SQL table
/// is joined once something of it is named. Refers to the tree.
class ScanSql {
 public:
  /// `as_of`: the entries that were there after the operation at that place in the order of publishing; every SQL table
  /// needs its history then.
  ScanSql(const Tree& tree, std::int64_t table_id, std::optional<std::int64_t> as_of = std::nullopt);
  /// Only rows of t0 in the range. Said of every SQL table with the same ids, for PostgreSQL does not conclude it and
  /// would begin a merge join at their first rows. Before anything is named.
  void only(const RowRange& range) { range_ = range; }

  /// "t0.c5", "f3.c5". Throws Error(kColumnNotFound) for a column that the table and its bases do not have.
  std::string column(std::int64_t column_id);
  /// "t0.c5_note", or "" for a column that has no notes.
  std::string note(std::int64_t column_id);
  [[nodiscard]] std::string row_id() const { return "t0.row_id"; }
  /// The condition on t0 that follows from only().
  [[nodiscard]] std::string range() const;
  /// The row ids of table `depth` of the chain.
  std::string row_id(std::size_t depth);
  /// Of an iterator view, at `depth` of the chain.
  std::string parent_id(std::size_t depth = 0);
  std::string position(std::size_t depth = 0);
  /// What the rows of the table are ordered by when nothing else is said.
  [[nodiscard]] std::vector<std::string> insertion_order();
  /// The tables and joins for all that was named so far.
  [[nodiscard]] std::string from() const;
  /// A condition that is true while the tree is the newest, and otherwise ends the statement as StaleSchema.
  [[nodiscard]] std::string fresh() const;
  /// SQL that means exactly what the expression means; nullopt: the engine must evaluate it.
  [[nodiscard]] std::optional<std::string> translate(const Expr& expr);

  /// The table and its bases, as t0, t1, ... are.
  [[nodiscard]] const std::vector<const TableDef*>& chain() const { return chain_; }
  /// Where in the chain a column is; chain().size() when it is not there.
  [[nodiscard]] std::size_t depth_of(std::int64_t column_id) const;

 private:
  std::string alias(std::size_t depth);
  [[nodiscard]] std::string in_range(std::size_t depth, const std::string& name) const;
  [[nodiscard]] std::string entries(const SqlTarget& target) const;
  std::string holder(std::size_t depth, std::int64_t column_id);
  [[nodiscard]] const ColumnDef& find(std::int64_t column_id, std::size_t& depth) const;

  const Tree& tree_;
  std::vector<const TableDef*> chain_;
  std::optional<std::int64_t> as_of_;
  std::optional<RowRange> range_;
  std::size_t joined_ = 0;  // t0 ... t<joined_> are in the statement
  std::vector<std::pair<std::int64_t, std::string>> generation_joins_;
};

}  // namespace intarsia
