// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"

namespace intarsia {

/// Walks the rows of a table that a filling SQL table has nothing for, page by page, so that no statement lasts while
/// functions run.
class MissingRows {
 public:
  /// `filled`: the SQL table that is being filled; `key`: its column that holds the row ids of the table.
  MissingRows(Engine& engine, std::string filled, std::string key);

  /// Reads `columns` of the next page of `table_id`'s rows and calls `work` for each batch, with the tree that it was
  /// read by. False: there is none left. Throws StaleSchema before `work` is called.
  bool read_page(const std::shared_ptr<const Tree>& tree, std::int64_t table_id, const std::set<std::int64_t>& columns,
                 const std::function<void(RowSet)>& work);

 private:
  Engine& engine_;
  std::string filled_;
  std::string key_;
  std::int64_t last_ = 0;  // row ids begin with 1
};

}  // namespace intarsia
