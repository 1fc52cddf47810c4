// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

#include "exec/row_set.h"

namespace intarsia {

/// Rows that an operation has made for one table and not yet published. Rows of a view know what they come from, so
/// that a column that is added meanwhile can still be computed.
struct NewRows {
  std::int64_t table_id = 0;
  std::int64_t first_row = 0;           ///< of a base table: the number of its first row in the user's input
  std::shared_ptr<NewRows> base;        ///< of a view: rows of its base
  std::vector<std::int64_t> base_rows;  ///< which of them each row comes from
  std::set<std::int64_t> derived;       ///< views whose rows have been made from these
  std::int64_t num_rows = 0;

 private:
  friend class Spool;
  RowSet cells;          ///< kRowIdColumn, kParentIdColumn and stored columns, media as URLs
  std::int64_t at = -1;  ///< place in the spool file; -1: in memory
  std::int64_t length = 0;
};

/// The new rows of one operation: in memory up to a budget, beyond it in a file that nobody else can see and that goes
/// away with the process.
class Spool {
 public:
  Spool(std::filesystem::path folder, std::int64_t budget) : folder_(std::move(folder)), budget_(budget) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Throws Error(kStoreUnavailable) when the file cannot be written.
  void add(std::shared_ptr<NewRows> rows, RowSet cells);
  /// Puts other cells in the place of those of `rows`, which have been added.
  void replace(NewRows& rows, RowSet cells);
  [[nodiscard]] RowSet cells(const NewRows& rows) const;
  [[nodiscard]] const std::vector<std::shared_ptr<NewRows>>& all() const { return all_; }
  [[nodiscard]] std::int64_t num_rows() const { return num_rows_; }
  [[nodiscard]] std::int64_t byte_size() const { return in_memory_ + file_size_; }

 private:
  void keep(NewRows& rows, RowSet cells);
  void write(NewRows& rows, const RowSet& cells);

  std::filesystem::path folder_;
  std::int64_t budget_;
  std::int64_t in_memory_ = 0;
  std::int64_t file_size_ = 0;
  std::int64_t num_rows_ = 0;
  int file_ = -1;
  std::vector<std::shared_ptr<NewRows>> all_;
};

}  // namespace intarsia
