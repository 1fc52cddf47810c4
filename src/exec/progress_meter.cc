// SPDX-License-Identifier: Apache-2.0
#include "exec/progress_meter.h"

#include <algorithm>
#include <utility>

namespace intarsia {

namespace {

thread_local ProgressMeter* meter_of_thread = nullptr;

}  // namespace

ProgressMeter::ProgressMeter(const Engine& engine, std::string operation, std::int64_t total, bool computes_one_column)
    : engine_(engine),
      observer_(engine.progress()),
      computes_one_column_(computes_one_column),
      outer_(std::exchange(meter_of_thread, this)) {
  progress_.operation = std::move(operation);
  progress_.total = total;
}

ProgressMeter::~ProgressMeter() {
  meter_of_thread = outer_;
  if (!reported_) return;
  progress_.finished = true;
  try {
    report(Clock::now());
  } catch (...) {  // the operation has its result already
  }
}

void ProgressMeter::advance(std::int64_t rows, std::int64_t cells) {
  progress_.rows += rows;
  progress_.cells += cells;
  within_ = 0;
  tell();
}

// Calls within calls are done one after the other: the line never goes back.
void ProgressMeter::advance_within(std::int64_t rows) {
  ProgressMeter* const meter = meter_of_thread;
  if (meter == nullptr) return;
  meter->within_ = std::max(meter->within_, rows);
  meter->tell();
}

void ProgressMeter::tell() {
  engine_.check_interrupt();
  const auto now = Clock::now();
  tell_others(now);
  if (!observer_ || now - last_ < std::chrono::milliseconds(100)) return;
  reported_ = true;
  report(now);
}

void ProgressMeter::tell_others(Clock::time_point now) {
  constexpr auto kTakesTime = std::chrono::milliseconds(200);
  if (operation_ == nullptr || operation_->id == 0 || now - begin_ < kTakesTime) return;
  announce(*operation_);
  if (now - last_told_ < std::chrono::seconds(1)) return;
  last_told_ = now;
  if (operation_->activity)
    operation_->activity->report(progress_.rows + (computes_one_column_ ? within_ : 0), progress_.total);
}

void ProgressMeter::report(Clock::time_point now) {
  last_ = now;
  progress_.seconds = std::chrono::duration<double>(now - begin_).count();
  Progress shown = progress_;
  if (computes_one_column_) shown.rows += within_;
  shown.cells += within_;
  observer_(shown);
}

}  // namespace intarsia
