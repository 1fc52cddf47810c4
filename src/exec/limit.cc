// SPDX-License-Identifier: Apache-2.0
#include "exec/limit.h"

#include <algorithm>
#include <utility>

namespace intarsia {

std::optional<RowSet> Limit::next() {
  while (!left_ || *left_ > 0) {
    std::optional<RowSet> rows = input_->next();
    if (!rows) break;
    const std::int64_t skipped = std::min(to_skip_, rows->num_rows);
    to_skip_ -= skipped;
    const std::int64_t available = rows->num_rows - skipped;
    if (available == 0) continue;
    const std::int64_t taken = left_ ? std::min(*left_, available) : available;
    if (left_) *left_ -= taken;
    if (taken < rows->num_rows) rows = rows->slice(skipped, taken);
    return rows;
  }
  input_ = nullptr;  // ends what runs below
  left_ = 0;
  return std::nullopt;
}

std::optional<RowSet> LastRows::next() {
  if (!std::exchange(read_, true)) {
    std::int64_t held = 0;
    while (std::optional<RowSet> rows = input_->next()) {
      held += rows->num_rows;
      last_.push_back(std::move(*rows));
      while (held - last_.front().num_rows >= limit_) {
        held -= last_.front().num_rows;
        last_.pop_front();
        if (last_.empty()) break;
      }
    }
    if (held > limit_) {
      RowSet& first = last_.front();
      first = first.slice(held - limit_, first.num_rows - (held - limit_));
    }
  }
  if (last_.empty()) return std::nullopt;
  RowSet rows = std::move(last_.front());
  last_.pop_front();
  return rows;
}

}  // namespace intarsia
