// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace intarsia {

/// What PostgreSQL's settings are computed from.
struct Machine {
  std::int64_t memory = 0;         ///< bytes
  std::int64_t disk_free = 0;      ///< bytes, where the data lies
  std::int64_t shared_memory = 0;  ///< bytes that /dev/shm holds; 0: there is none
  bool has_lz4 = false;            ///< PostgreSQL is built with it
};

/// A file beside it that DiskReserve writes.
inline constexpr const char* kFullDiskSettings = "full_disk.conf";

/// A PostgreSQL configuration file for our load on that machine.
[[nodiscard]] std::string postgres_settings(const Machine& machine);

}  // namespace intarsia
