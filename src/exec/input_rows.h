// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "catalog/tree.h"
#include "exec/row_set.h"
#include "exec/threads.h"
#include "intarsia/error.h"
#include "intarsia/table.h"

namespace intarsia {

/// Turns what a user inserts into rows of a table: every column that is stored as given, under its type, each value
/// checked, media opened.
class InputRows {
 public:
  /// `operation`: "insert into 'dir/t'", how its errors begin.
  InputRows(const TableDef& table, std::string operation, OnError on_error, Threads& threads)
      : table_(table), operation_(std::move(operation)), on_error_(on_error), threads_(threads) {}

  /// `first_row`: number of the batch's first row, for messages. Media cells keep what was loaded of them, so that the
  /// functions of this batch need not load it again. A medium that cannot be opened is a cell with an error under
  /// OnError::kIgnore. Throws Error: kColumnNotFound, kMissingRequired, kUnsupportedOperation (a wrong type, a null, a
  /// missing file, a computed column), kInvalidDataFormat (media).
  [[nodiscard]] RowSet bind(const Batch& batch, std::int64_t first_row) const;
  /// The same for the cells of one column.
  [[nodiscard]] Column bind_cells(const ColumnDef& column, const Column& given, std::int64_t first_row) const;

 private:
  void check_names(const Batch& batch) const;
  [[nodiscard]] Column bind_column(const ColumnDef& column, const Batch& batch, std::int64_t first_row) const;
  [[nodiscard]] Column converted(const ColumnDef& column, const Column& cells, std::int64_t first_row) const;
  void check_nulls(const ColumnDef& column, const Column& cells, std::int64_t first_row) const;
  void check_arrays(const ColumnDef& column, const Column& cells, std::int64_t first_row) const;
  [[nodiscard]] Column opened_media(const ColumnDef& column, const Column& cells, std::int64_t first_row) const;
  [[noreturn]] void fail(ErrorCode code, const ColumnDef& column, const std::string& what, std::int64_t row) const;

  const TableDef& table_;
  std::string operation_;
  OnError on_error_;
  Threads& threads_;
};

/// Whether values of type `from` may be given for a column of type `to`; each is checked all the same.
[[nodiscard]] bool may_hold(const Type& to, const Type& from);
/// `cells` with a place beside each URL for what is loaded of it.
[[nodiscard]] Column with_media_cells(const Column& cells);

}  // namespace intarsia
