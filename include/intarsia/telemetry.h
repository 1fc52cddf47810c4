// SPDX-License-Identifier: Apache-2.0
// What the engine tells about itself. Not in the umbrella header: few programs ask.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "intarsia/config.h"

namespace intarsia {

class Database;

/// What calls of one function came to, as far as the engine made them: what PostgreSQL evaluates is not counted.
struct FunctionStats {
  std::string function;         ///< registry name
  std::int64_t calls = 0;       ///< rows that it was given
  double seconds = 0;           ///< that operations and queries waited for it
  std::int64_t retries = 0;     ///< calls made again because a service said so
  std::int64_t errors = 0;      ///< rows that failed
  std::int64_t cache_hits = 0;  ///< results that were kept, so that no call was made
};

/// Of this process since it began, by name; a forked child begins with none. Thread-safe.
[[nodiscard]] std::vector<FunctionStats> function_stats();
/// Of all processes that used the instance: this one up to now, others up to about their last quarter of a second of
/// calls.
[[nodiscard]] std::vector<FunctionStats> function_stats(const Database& database);
/// For a program that ends: adds what it counted to the instance's, unless its server is gone.
void flush_function_stats(const Database& database) noexcept;
/// For whoever calls a service on behalf of a function and calls it again. Thread-safe.
void count_retry(std::string_view function, std::int64_t retries = 1);

/// Something that is known of a span or an event, in OpenTelemetry's words where it has some: "db.query.text".
struct Attribute {
  std::string name;
  std::variant<bool, std::int64_t, double, std::string> value;
};

/// A line of the instance's log, home/logs/intarsia.log: `event` for programs ("call.retry"), `message` for people.
/// Free of cells' values and secrets, please. Nothing fails when it cannot be written. Thread-safe.
void log_event(LogLevel level, std::string_view event, std::string_view message,
               const std::vector<Attribute>& fields) noexcept;

/// What takes time. An operation is a call of this API that works; it consists of batches of rows, these of calls of
/// functions for all rows of one; all of them send statements to PostgreSQL.
enum class SpanKind { kOperation, kBatch, kFunction, kStatement };

struct SpanInfo {
  std::uint64_t id = 0;           ///< of this process
  std::uint64_t parent = 0;       ///< 0: nothing of the engine
  bool parent_elsewhere = false;  ///< the parent is work of another thread
  SpanKind kind = SpanKind::kOperation;
  std::string name;  ///< "insert docs", "batch", "image.rotate", "SELECT"
  std::vector<Attribute> attributes;
  double seconds = 0;      ///< when it has ended
  std::string error_type;  ///< empty: it did what it should
  std::string error;       ///< in words, without values of cells
};

/// Hears of all spans of this process, each on the thread that does the work, the inner ones first to end. What it
/// throws is ignored.
class SpanObserver {
 public:
  virtual ~SpanObserver() = default;
  virtual void began(const SpanInfo& span) = 0;
  virtual void ended(const SpanInfo& span) = 0;
};
/// The latest counts; null: nobody, which costs nothing. Not in the middle of work. A forked child has its parent's.
void set_span_observer(std::shared_ptr<SpanObserver> observer);

/// Publishes of this process that were done again, after a serialization failure, a deadlock or a lost session.
[[nodiscard]] std::int64_t publish_retries();

}  // namespace intarsia
