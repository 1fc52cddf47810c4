// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "exec/operator.h"

namespace intarsia {

/// Leaves out the first `offset` rows and ends after `limit` more.
class Limit : public Operator {
 public:
  Limit(OperatorPtr input, std::optional<std::int64_t> limit, std::int64_t offset)
      : input_(std::move(input)), left_(limit), to_skip_(offset) {}

  std::optional<RowSet> next() override;

 private:
  OperatorPtr input_;
  std::optional<std::int64_t> left_;
  std::int64_t to_skip_;
};

/// The last `limit` rows.
class LastRows : public Operator {
 public:
  LastRows(OperatorPtr input, std::int64_t limit) : input_(std::move(input)), limit_(limit) {}

  std::optional<RowSet> next() override;

 private:
  OperatorPtr input_;
  std::int64_t limit_;
  bool read_ = false;
  std::deque<RowSet> last_;
};

}  // namespace intarsia
