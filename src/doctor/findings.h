// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "intarsia/doctor.h"

namespace intarsia {

/// What one examination has found so far.
class Findings {
 public:
  explicit Findings(bool fix) : fix_(fix) {}

  /// What only the user can mend.
  void add(std::string where, std::string what, std::string cure);
  /// What `mend` mends; it is done at once when it is wanted. What it throws is told with the cure.
  void add(std::string where, std::string what, std::string cure, const std::function<void()>& mend);

  [[nodiscard]] std::vector<Finding> take() { return std::move(found_); }

 private:
  bool fix_;
  std::vector<Finding> found_;
};

}  // namespace intarsia
