// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "exec/row_store.h"

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
  std::size_t place = 0;  // in the store: kRowIdColumn, kParentIdColumn and stored columns, media as URLs
};

/// The new rows of one operation.
class Spool {
 public:
  explicit Spool(std::unique_ptr<RowStore> store) : store_(std::move(store)) {}

  /// Throws Error(kStoreUnavailable) when they do not fit into memory and cannot be written to a file.
  void add(std::shared_ptr<NewRows> rows, RowSet cells) {
    num_rows_ += cells.num_rows;
    rows->num_rows = cells.num_rows;
    rows->place = store_->add(std::move(cells));
    all_.push_back(std::move(rows));
  }
  /// Puts other cells in the place of those of `rows`, which have been added.
  void replace(NewRows& rows, RowSet cells) {
    num_rows_ += cells.num_rows - rows.num_rows;
    rows.num_rows = cells.num_rows;
    store_->replace(rows.place, std::move(cells));
  }
  [[nodiscard]] RowSet cells(const NewRows& rows) const { return store_->at(rows.place); }
  [[nodiscard]] const std::vector<std::shared_ptr<NewRows>>& all() const { return all_; }
  [[nodiscard]] std::int64_t num_rows() const { return num_rows_; }
  [[nodiscard]] std::int64_t byte_size() const { return store_->byte_size(); }

 private:
  std::unique_ptr<RowStore> store_;
  std::int64_t num_rows_ = 0;
  std::vector<std::shared_ptr<NewRows>> all_;
};

}  // namespace intarsia
