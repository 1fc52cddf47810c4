// SPDX-License-Identifier: Apache-2.0
#include "exec/progress_meter.h"

namespace intarsia {

ProgressMeter::ProgressMeter(const Engine& engine, std::string operation, std::int64_t total)
    : engine_(engine), observer_(engine.progress()) {
  progress_.operation = std::move(operation);
  progress_.total = total;
}

ProgressMeter::~ProgressMeter() {
  if (!reported_) return;
  progress_.finished = true;
  try {
    report(Clock::now());
  } catch (...) {  // the operation has its result already
  }
}

void ProgressMeter::advance(std::int64_t rows, std::int64_t cells) {
  engine_.check_interrupt();
  progress_.rows += rows;
  progress_.cells += cells;
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
  if (operation_->activity) operation_->activity->report(progress_.rows, progress_.total);
}

void ProgressMeter::report(Clock::time_point now) {
  last_ = now;
  progress_.seconds = std::chrono::duration<double>(now - begin_).count();
  observer_(progress_);
}

}  // namespace intarsia
