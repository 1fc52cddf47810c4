// SPDX-License-Identifier: Apache-2.0
#include "telemetry/span.h"

#include <mutex>

#include "storage/fork.h"

namespace intarsia {

namespace {

struct Observers {
  ForkMutex<> mutex;
  std::shared_ptr<SpanObserver> observer;
};

Observers& observers() {
  static Observers* const instance = new Observers;  // used until the process ends
  return *instance;
}

std::shared_ptr<SpanObserver> observer() {
  const std::lock_guard lock(observers().mutex);
  return observers().observer;
}

std::atomic<std::uint64_t> last_id{0};

thread_local std::uint64_t innermost = 0;
thread_local std::uint64_t innermost_operation = 0;
thread_local bool is_adopted = false;  // the innermost is another thread's

}  // namespace

namespace detail {
std::atomic<bool> spans_are_observed{false};
}

void set_span_observer(std::shared_ptr<SpanObserver> observer) {
  const std::lock_guard lock(observers().mutex);
  detail::spans_are_observed = observer != nullptr;
  observers().observer.swap(observer);
}

struct Span::State {
  std::shared_ptr<SpanObserver> observer;
  SpanInfo info;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  int exceptions = std::uncaught_exceptions();
  std::uint64_t outer_operation = innermost_operation;
  bool was_adopted = false;
};

void Span::begin(SpanKind kind, std::string_view name) {
  std::shared_ptr<SpanObserver> observer = intarsia::observer();
  if (observer == nullptr) return;
  state_ = new State{.observer = std::move(observer), .info = {}};
  SpanInfo& info = state_->info;
  info.id = ++last_id;
  info.kind = kind;
  info.name = name;
  info.parent_elsewhere = state_->was_adopted = std::exchange(is_adopted, false);
  info.parent = std::exchange(innermost, info.id);
  if (kind == SpanKind::kOperation) innermost_operation = info.id;
  try {
    state_->observer->began(info);
  } catch (...) {  // an observer stops nothing
  }
}

void Span::end() noexcept {
  SpanInfo& info = state_->info;
  innermost = info.parent;
  innermost_operation = state_->outer_operation;
  is_adopted = state_->was_adopted;
  info.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - state_->since).count();
  try {
    if (info.error_type.empty() && std::uncaught_exceptions() > state_->exceptions) info.error_type = "exception";
    state_->observer->ended(info);
  } catch (...) {  // an observer stops nothing
  }
  delete std::exchange(state_, nullptr);
}

void Span::set(std::string name, decltype(Attribute::value) value) {
  if (state_ != nullptr) state_->info.attributes.push_back({std::move(name), std::move(value)});
}

void Span::failed(std::string_view type, std::string_view error) {
  if (state_ == nullptr) return;
  state_->info.error_type = type;
  state_->info.error = error;
}

std::uint64_t Span::current_operation() noexcept {
  return innermost_operation;
}

Span::Adoption::Adoption(std::uint64_t parent) noexcept : outer_(std::exchange(innermost, parent)) {
  innermost_operation = parent;
  is_adopted = parent != 0;
}

Span::Adoption::~Adoption() {
  innermost = outer_;
  innermost_operation = 0;
  is_adopted = false;
}

}  // namespace intarsia
