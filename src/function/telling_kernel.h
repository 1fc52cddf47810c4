// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "intarsia/batch.h"
#include "intarsia/telling_kernel.h"

namespace intarsia {

/// That of a function of this process; empty where it has none.
[[nodiscard]] TellingKernel find_telling_kernel(const std::string& function);

/// Results that come in parts, in any order.
class FinishedResults {
 public:
  explicit FinishedResults(std::int64_t rows) : places_(static_cast<std::size_t>(rows)) {}

  void add(const std::vector<std::int64_t>& rows, const Column& results);
  /// Whether one part has all rows, in their order.
  [[nodiscard]] bool is_whole() const;
  [[nodiscard]] const Column& whole() const { return parts_[0]; }
  /// False: there is none of this row.
  [[nodiscard]] bool append(std::int64_t row, ColumnBuilder& out) const;

 private:
  struct Place {
    int part = -1;
    std::int64_t row = 0;
  };
  std::vector<Place> places_;
  std::vector<Column> parts_;
  bool in_order_ = true;
};

}  // namespace intarsia
