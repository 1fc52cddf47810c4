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
  ProgressMeter(const Engine& engine, std::string operation, std::int64_t total = -1, bool computes_one_column = false);
  ~ProgressMeter();
  ProgressMeter(const ProgressMeter&) = delete;
  ProgressMeter& operator=(const ProgressMeter&) = delete;

  /// Whom to announce when the work takes time, and to tell of the rows. It must outlive the meter.
  void watch(const Operation& operation) { operation_ = &operation; }
  /// Between batches. Throws what the interrupt check throws.
  void advance(std::int64_t rows, std::int64_t cells);
  /// Within a batch: so many rows of a call are done that takes its time. Tells the thread's meter, if it has one, and
  /// throws what the interrupt check throws.
  static void advance_within(std::int64_t rows);

 private:
  void tell();
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
  bool computes_one_column_;  // then a row of a call is a row of the operation
  std::int64_t within_ = 0;   // rows of the batch that is being worked on
  ProgressMeter* outer_;      // the thread's meter before this one
};

}  // namespace intarsia
