// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "exec/engine.h"
#include "exec/operator.h"
#include "plan/scan_query.h"

namespace intarsia {

/// Reads a table in insertion order for a consumer that takes its time: page by page, each a statement that has ended
/// when its rows are given out, so that no snapshot stays open. All pages show what was there at the first; what others
/// change meanwhile comes from the history. Only the first page throws StaleSchema; later ones follow a changed schema,
/// and throw Error(kColumnNotFound) when a column that is read was dropped.
class PagedScan : public Operator {
 public:
  /// Requires: `query` has no order, limit or groups of its own.
  PagedScan(Engine& engine, std::shared_ptr<const Tree> tree, ScanQuery query);

  /// Whether a query can be read this way.
  [[nodiscard]] static bool can_read(const ScanQuery& query);

  std::optional<RowSet> next() override;

 private:
  void read_page();
  void read_rows_of_page(const ScanQuery& page);
  void pin();
  void follow_schema();
  [[nodiscard]] std::string page_condition() const;

  Engine& engine_;
  std::shared_ptr<const Tree> tree_;
  ScanQuery query_;
  bool by_position_;          // of an iterator view: rows come by parent and position
  std::int64_t newest_ = -1;  // the place of the last operation to be seen; -1: nothing was read yet
  std::optional<RowRange> range_;
  std::string last_key_;
  std::int64_t rows_per_page_;
  std::deque<RowSet> batches_;
  bool done_ = false;
};

}  // namespace intarsia
