// SPDX-License-Identifier: Apache-2.0
#include "figure.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <limits>

namespace intarsia::limits {

void measure(std::string_view name, const std::function<std::int64_t()>& work, const std::function<void()>& setup) {
  constexpr int kRuns = 3;
  double fastest = std::numeric_limits<double>::max();
  std::int64_t n = 0;
  for (int run = 0; run < kRuns; ++run) {
    setup();
    const auto start = std::chrono::steady_clock::now();
    n = work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fastest = std::min(fastest, took.count());
  }
  fmt::print("{{\"name\": \"{}\", \"seconds\": {:.6f}, \"n\": {}, \"per_second\": {:.2f}}}\n", name, fastest, n,
             static_cast<double>(n) / fastest);
  std::fflush(stdout);
}

}  // namespace intarsia::limits
