// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "intarsia/rate_limits.h"

namespace intarsia {

/// One setting of the engine: a row of the table that the configuration file, the environment, the documentation and
/// the tests are made from.
struct Setting {
  std::string_view name;           ///< key in config.toml: "memory_limit"
  std::string_view environment;    ///< variable that overrides the file: "INTARSIA_MEMORY_LIMIT"
  std::string_view default_value;  ///< as it would stand in config.toml; empty for "home", which cannot stand there
  std::string_view doc;
};
[[nodiscard]] const std::vector<Setting>& settings();

/// What goes to the log: each level says what those before it say, too.
enum class LogLevel { kOff, kError, kWarning, kInfo, kDebug };

/// Where an instance lives and how it behaves. Read once, then passed by value.
struct Config {
  std::filesystem::path home;       ///< absolute; INTARSIA_HOME, else ~/.intarsia
  std::string db_url;               ///< an external PostgreSQL; empty: the embedded one of the home
  std::int64_t memory_limit = 0;    ///< bytes for batches, decoded media and buffers; load() makes of 0 half the memory
  std::int64_t idle_seconds = 300;  ///< the embedded server ends after so many seconds without a client; 0: never
  std::int64_t file_cache_limit = 0;       ///< bytes of downloaded media kept; load() makes of 0 10 GiB
  std::int64_t results_limit = 1LL << 30;  ///< bytes of kept results of functions
  std::string postgres_bin;                ///< folder with initdb and postgres; empty: found
  std::int64_t db_retry_seconds = 30;      ///< for which a server that cannot be reached is tried again
  int pool_size = 16;                      ///< threads that have sessions of the database at once
  std::int64_t pool_timeout_seconds = 60;  ///< that a thread waits for one
  std::int64_t pool_idle_seconds = 120;    ///< after which a session that nobody uses is closed
  int threads = 0;                         ///< worker threads for built-in functions; load() makes of 0 one per core
  int verbosity = 1;                       ///< 0: silent, 1: messages and progress, 2: more
  LogLevel log_level = LogLevel::kInfo;    ///< of home/logs/intarsia.log
  std::int64_t log_limit = 64LL << 20;     ///< bytes of these files, old ones included
  bool log_stderr = false;                 ///< the log goes to stderr as well, for people
  std::int64_t slow_sql_ms = 1000;         ///< a statement that took so long is logged; 0: none
  std::int64_t lock_timeout_seconds = 0;   ///< that a statement waits for a lock; 0: for ever
  double retry_seconds = 600;              ///< for which a call that a service refuses is repeated
  std::vector<RateLimit> rate_limits;      ///< of resource pools

  /// Reads home/config.toml (a missing file is fine) and the environment; explicit `overrides` ("name", "value") win
  /// over the environment, and that over the file.
  /// Throws Error(kInvalidConfiguration) that names the source, the key and what it should be.
  static Config load(const std::vector<std::pair<std::string, std::string>>& overrides = {});
};

/// A config.toml that lists every setting with its meaning and default, all commented out.
[[nodiscard]] std::string config_template();

/// Bytes of memory that this process may use: the machine's, or less where a control group limits it.
[[nodiscard]] std::int64_t machine_memory();

}  // namespace intarsia
