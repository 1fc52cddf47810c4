// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace intarsia {

class Database;

/// What a service allows for the calls of one resource pool. Nothing: no limit is known.
struct RateLimit {
  std::string pool;  ///< "openai:gpt-4o"
  std::optional<double> requests_per_minute;
  std::optional<double> tokens_per_minute;
  std::optional<std::int64_t> calls_in_flight;
  double paused_seconds = 0;  ///< nobody calls for so long, because the service said so
};

/// Leave to make calls.
struct CallPermits {
  std::vector<double> delays;  ///< seconds from now until each call may begin, in order; may be fewer than asked for
  double paused_seconds = 0;   ///< no delays: the pool is paused for so long. 0: other calls have to end first
  bool has_rate = false;       ///< the pool has a limit of requests or tokens
  bool has_slots = false;      ///< each permit has to be given back when its call ended
};

/// The pace of calls to services, shared by all processes of an instance. Thread-safe; waits for nothing. One object
/// per process and instance is enough, and two share calls in flight as two processes do.
class RateLimits {
 public:
  explicit RateLimits(const Database& database);

  /// Sets a pool's limits for all processes. Throws Error(kInvalidArgument).
  void set(const RateLimit& limit);
  /// All pools that are known, by name.
  [[nodiscard]] std::vector<RateLimit> list();
  /// Leave for as many calls as there are `tokens`, each with what it is expected to take of them.
  CallPermits take(const std::string& pool, std::span<const double> tokens);
  /// `calls` of a pool with slots have ended; with the last one this process takes no part in sharing them any more.
  void give_back(const std::string& pool, std::int64_t calls);
  /// The service refused a call: no process begins one for so many seconds.
  void pause(const std::string& pool, double seconds);

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace intarsia
