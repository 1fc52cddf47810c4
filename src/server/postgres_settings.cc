// SPDX-License-Identifier: Apache-2.0
#include "server/postgres_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace intarsia {
namespace {

constexpr std::int64_t kMiB = 1LL << 20;

std::string mebibytes(std::int64_t bytes, std::int64_t low, std::int64_t high) {
  return fmt::format("{}MB", std::clamp(bytes / kMiB, low, high));
}

}  // namespace

std::string postgres_settings(const Machine& machine) {
  const std::int64_t maintenance = std::clamp(machine.memory / 16 / kMiB, std::int64_t{64}, std::int64_t{1024});
  // Parallel index builds take maintenance_work_mem of shared memory; containers often have 64 MB of it.
  const bool posix_memory = machine.shared_memory >= 2 * maintenance * kMiB;
  const std::vector<std::pair<const char*, std::string>> settings = {
      {"max_connections", "200"},
      {"shared_buffers", mebibytes(machine.memory / 8, 32, 4096)},
      {"effective_cache_size", mebibytes(machine.memory / 2, 64, 1 << 20)},
      {"work_mem", mebibytes(machine.memory / 256, 4, 64)},
      {"maintenance_work_mem", fmt::format("{}MB", maintenance)},
      {"dynamic_shared_memory_type", posix_memory ? "posix" : "mmap"},
      {"wal_buffers", "16MB"},
      {"wal_compression", machine.has_lz4 ? "lz4" : "on"},
      {"max_wal_size", mebibytes(machine.disk_free / 10, 256, 4096)},
      {"checkpoint_timeout", "15min"},
      {"checkpoint_completion_target", "0.9"},
      {"fsync", "on"},
      {"full_page_writes", "on"},
      {"random_page_cost", "1.1"},
      {"jit", "off"},
      {"deadlock_timeout", "100ms"},  // transactions are short; who loses tries again
      {"max_locks_per_transaction", "256"},
      {"autovacuum", "on"},
      {"autovacuum_naptime", "20s"},
      {"timezone", "UTC"},
      {"log_timezone", "UTC"},
      {"log_min_messages", "warning"},
      {"log_checkpoints", "off"},
      {"logging_collector", "off"},
      {"log_destination", "stderr"},
      {"log_line_prefix", "%m [%p] "},
  };
  std::string text = "# Written by intarsia-server at every start; use ALTER SYSTEM for what should differ.\n";
  for (const auto& [name, value] : settings) text += fmt::format("{} = '{}'\n", name, value);
  return text + fmt::format("include_if_exists = '{}'\n", kFullDiskSettings);
}

}  // namespace intarsia
