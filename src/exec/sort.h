// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"
#include "plan/query_plan.h"

namespace intarsia {

/// All rows, or the first `most`, in the order of the keys; equal ones stay as they come. Nulls are greater than all,
/// as in PostgreSQL; strings order by code point. Runs of rows that the memory budget has no room for are sorted, put
/// aside and merged.
class Sort : public Operator {
 public:
  Sort(Engine& engine, OperatorPtr input, std::vector<PlannedSortKey> keys, std::optional<std::int64_t> most);

  std::optional<RowSet> next() override;

 private:
  struct Place {
    std::size_t batch;
    std::int64_t row;
  };

  /// Pieces of a sorted run in the store; the one that is being merged is batches_[number of the run].
  struct Run {
    std::size_t next_piece;
    std::size_t end;
  };

  void read();
  void hold(RowSet rows);
  void keep_first();
  void sort_places();
  void put_aside();
  void start_merge();
  [[nodiscard]] bool comes_before(const Place& a, const Place& b) const;
  /// The order of a merge, in which no two places are equal.
  [[nodiscard]] bool comes_later(const Place& a, const Place& b) const;
  [[nodiscard]] RowSet gather(std::size_t begin, std::size_t end) const;
  std::optional<RowSet> merged();
  /// Of the mean weight so far, how many rows weigh `bytes`.
  [[nodiscard]] std::size_t rows_of(std::int64_t bytes) const;

  OperatorPtr input_;
  std::vector<PlannedSortKey> keys_;
  std::optional<std::int64_t> most_;
  std::vector<RowSet> batches_;
  std::vector<Place> places_;
  std::size_t next_ = 0;
  std::int64_t rows_read_ = 0;
  std::int64_t bytes_read_ = 0;
  MemoryShare share_;
  std::unique_ptr<RowStore> store_;
  std::vector<Run> runs_;
};

}  // namespace intarsia
