// SPDX-License-Identifier: Apache-2.0
// What calls of functions come to in this process; storage/function_stats adds it up for the instance.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "intarsia/telemetry.h"

namespace intarsia {

/// Of one function; lives until the process ends.
struct FunctionCounters {
  std::atomic<std::int64_t> calls{0}, nanoseconds{0}, retries{0}, errors{0}, cache_hits{0};
};
[[nodiscard]] FunctionCounters& function_counters(std::string_view function);

/// Measures a call for some rows, from its making to its end.
class MeasuredCall {
 public:
  MeasuredCall(std::string_view function, std::int64_t rows)
      : counters_(function_counters(function)), rows_(rows), begin_(std::chrono::steady_clock::now()) {}
  ~MeasuredCall();
  MeasuredCall(const MeasuredCall&) = delete;
  MeasuredCall& operator=(const MeasuredCall&) = delete;

  void failed(std::int64_t rows) { counters_.errors += rows; }

 private:
  FunctionCounters& counters_;
  std::int64_t rows_;
  std::chrono::steady_clock::time_point begin_;
};

/// Whether what was not saved yet is worth a statement: the calls took so long that it costs nothing beside them.
[[nodiscard]] bool function_stats_are_due();
/// Calls `save` with what came since it last succeeded, sorted by name; not when there is nothing.
void save_function_stats(const std::function<void(const std::vector<FunctionStats>& news)>& save);

}  // namespace intarsia
