// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "exec/engine.h"
#include "storage/publish.h"

namespace intarsia {

/// Tells the instance's observer how an operation goes on, about ten times a second, and asks whether to stop.
/// Belongs to the thread that called the engine.
class ProgressMeter {
 public:
  ProgressMeter(const Engine& engine, std::string operation, std::int64_t total = -1);
  ~ProgressMeter();

  /// Whom to announce when the work takes time, and to tell of the rows. It must outlive the meter.
  void watch(const Operation& operation) { operation_ = &operation; }
  /// Between batches. Throws what the interrupt check throws.
  void advance(std::int64_t rows, std::int64_t cells);

 private:
  using Clock = std::chrono::steady_clock;
  void report(Clock::time_point now);
  void tell_others(Clock::time_point now);

  const Engine& engine_;
  std::function<void(const Progress&)> observer_;
  Progress progress_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
  Clock::time_point last_told_ = begin_;
  const Operation* operation_ = nullptr;
  bool reported_ = false;
};

}  // namespace intarsia
