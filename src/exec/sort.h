// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exec/operator.h"
#include "plan/query_plan.h"

namespace intarsia {

/// All rows, or the first `most`, in the order of the keys; equal ones stay as they come. Nulls are greater than all,
/// as in PostgreSQL; strings order by code point.
class Sort : public Operator {
 public:
  Sort(OperatorPtr input, std::vector<PlannedSortKey> keys, std::optional<std::int64_t> most);

  std::optional<RowSet> next() override;

 private:
  struct Place {
    std::size_t batch;
    std::int64_t row;
  };

  void read();
  void sort_places();
  [[nodiscard]] bool comes_before(const Place& a, const Place& b) const;
  [[nodiscard]] RowSet gather(std::size_t begin, std::size_t end) const;

  OperatorPtr input_;
  std::vector<PlannedSortKey> keys_;
  std::optional<std::int64_t> most_;
  std::vector<RowSet> batches_;
  std::vector<Place> places_;
  std::size_t next_ = 0;
};

}  // namespace intarsia
