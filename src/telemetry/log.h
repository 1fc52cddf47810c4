// SPDX-License-Identifier: Apache-2.0
// The log: one JSON object per line in home/logs/intarsia.log, of all processes of the instance. It has no values of
// cells and no secrets. What cannot be written is lost, and nothing fails for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "intarsia/config.h"
#include "intarsia/telemetry.h"

namespace intarsia {

/// For this process: the latest counts. Creates no file before there is a line for it.
void open_log(const Config& config);

namespace detail {
extern std::atomic<LogLevel> log_level;
}
/// Whether a line of this level is written: one look at a number.
[[nodiscard]] inline bool logs(LogLevel level) noexcept {
  return level <= detail::log_level.load(std::memory_order_relaxed);
}

/// One line: `event` for programs ("operation.end"), `message` for people. Thread-safe.
void log(LogLevel level, std::string_view event, std::string_view message, std::span<const Attribute> fields) noexcept;
void log(LogLevel level, std::string_view event, std::string_view message,
         std::initializer_list<Attribute> fields = {}) noexcept;

/// The operation that this thread works for: in each of its lines. 0: none. Gives the one before.
std::int64_t set_logged_operation(std::int64_t id) noexcept;
[[nodiscard]] std::int64_t logged_operation() noexcept;

}  // namespace intarsia
