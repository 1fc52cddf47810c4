// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "binding.h"

namespace intarsia::python {

/// Makes batches of what a user gives to insert: rows as dicts, or whole columns. Knows the columns that can be given,
/// and names table, column and row in its errors. Requires the GIL.
class RowReader {
 public:
  explicit RowReader(const Table& table);

  /// At most `rows` more rows from an iterator over dicts; nullopt when it has ended.
  [[nodiscard]] std::optional<Batch> read(PyObject* iterator, std::int64_t rows);
  /// Columns that are given as a dict of lists or NumPy arrays of the same length.
  [[nodiscard]] Batch read_columns(const nb::dict& columns);
  /// Columns as they came by Arrow, brought to the table's types.
  [[nodiscard]] Batch fit(const Batch& batch);

 private:
  struct Target {
    nb::object key;  // interned name
    std::string name;
    Type type;
    bool required;
  };

  void append_row(PyObject* row, std::vector<ColumnBuilder>& builders);
  Column column_from(const Target& target, PyObject* values);
  Column fitted(const Target& target, const Column& column);
  const Target& target_of(std::string_view name, const std::string& where);
  void require(const std::vector<const Target*>& missing, const std::string& where) const;
  void require_all(const std::vector<std::string>& given);
  [[noreturn]] void fail_unknown(std::string_view name, const std::string& where) const;
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const;
  [[noreturn]] void fail_cell(const Target& target, const std::string& what, std::int64_t row) const;

  std::string path_;
  std::vector<Target> targets_;
  std::vector<std::string> names_;
  std::vector<std::string> computed_;
  std::int64_t rows_ = 0;  // read so far
};

}  // namespace intarsia::python
