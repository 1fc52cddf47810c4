// SPDX-License-Identifier: Apache-2.0
// From columns as users declare them to columns as the catalog has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/tree.h"

namespace intarsia {

/// The columns that the expressions of a new table or view may name.
class ColumnScope {
 public:
  /// `described` begins the errors: "create table 'a/b'".
  explicit ColumnScope(std::string described) : described_(std::move(described)) {}

  /// A view's base, whose columns and whose bases' columns are known, also by id.
  void add_base(const Tree& tree, std::int64_t base_id);
  /// A column of the table itself; it hides one of a base with the same name. `column` must stay where it is.
  void add(const ColumnDef& column) { own_.push_back(&column); }

  [[nodiscard]] const ColumnDef* find_own(const std::string& name) const;
  [[nodiscard]] const ColumnDef* find_of_base(const std::string& name) const;
  /// `expr` with its placeholders (columns without an id, from before the table was there) bound by name. Throws
  /// Error: kInvalidExpression for columns of other tables, kTypeMismatch for a placeholder of another type,
  /// kFunctionNotFound, kInvalidExpression for aggregates and iterators.
  [[nodiscard]] Expr bind(const Expr& expr) const;
  /// The same for the arguments of a call alone; the call may be of an iterator.
  [[nodiscard]] Expr bind_args(const Expr& call) const;

 private:
  [[nodiscard]] Expr bind_column(const Expr& expr) const;
  [[nodiscard]] Expr bind_call(const Expr& expr) const;

  std::string described_;
  std::vector<const ColumnDef*> own_;
  std::vector<const ColumnDef*> of_base_;  // visible ones
  std::vector<const TableDef*> bases_;
};

/// What a new table or view declares, checked, as columns with ids from `ids` (one per column, more for families),
/// after those that `table` has already (an iterator's). Fills in `table.columns` and `table.generations`. Throws
/// Error: kInvalidColumnName, kColumnAlreadyExists, kInvalidSchema, what ColumnScope::bind throws.
void declare_columns(const std::string& described, const std::vector<ColumnSpec>& specs, ColumnScope& scope,
                     TableDef& table, std::vector<std::int64_t> ids);

}  // namespace intarsia
