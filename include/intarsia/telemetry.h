// SPDX-License-Identifier: Apache-2.0
// What the engine tells about itself. Not in the umbrella header: few programs ask.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace intarsia
