// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "intarsia/database.h"

namespace intarsia::cli {

/// Shows on stderr how long work goes on: on a terminal one line that changes, elsewhere a line every ten seconds. What
/// takes less than a second shows nothing.
class ProgressLine {
 public:
  void operator()(const Progress& progress);

 private:
  std::chrono::steady_clock::time_point next_{};
};

/// "add column 'a' to 't'   50%  2,000 of 4,000 rows  10 s left".
[[nodiscard]] std::string progress_text(const Progress& progress);

}  // namespace intarsia::cli
