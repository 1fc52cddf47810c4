// SPDX-License-Identifier: Apache-2.0
// What the observer of telemetry hears of, and for operations the log. Work is told of on the thread that does it: what
// begins while another span of the thread is open is part of that one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "intarsia/config.h"
#include "intarsia/telemetry.h"

namespace intarsia {

namespace detail {
extern std::atomic<bool> spans_are_observed;
}
/// One look at a number.
[[nodiscard]] inline bool spans_are_observed() noexcept {
  return detail::spans_are_observed.load(std::memory_order_relaxed);
}

/// A piece of work, from its making to its end; it failed when an exception ends it. Costs nothing when nobody
/// observes.
class Span {
 public:
  Span(SpanKind kind, std::string_view name) {
    if (spans_are_observed()) begin(kind, name);
  }
  ~Span() {
    if (state_ != nullptr) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  [[nodiscard]] bool is_observed() const noexcept { return state_ != nullptr; }
  void set(std::string name, decltype(Attribute::value) value);
  void set_rows(std::int64_t rows) {
    if (state_ != nullptr) set("intarsia.rows", rows);
  }
  /// What the error was; not of an exception, which is noticed.
  void failed(std::string_view type, std::string_view error);

  /// The innermost operation of this thread, or what it works for. 0: none.
  [[nodiscard]] static std::uint64_t current_operation() noexcept;
  /// While it is there, this thread works for an operation of another one.
  class Adoption {
   public:
    explicit Adoption(std::uint64_t parent) noexcept;
    ~Adoption();
    Adoption(const Adoption&) = delete;
    Adoption& operator=(const Adoption&) = delete;

   private:
    std::uint64_t outer_;
  };

 private:
  struct State;
  void begin(SpanKind kind, std::string_view name);
  void end() noexcept;

  State* state_ = nullptr;
};

}  // namespace intarsia
