// SPDX-License-Identifier: Apache-2.0
#include "server/disk_space.h"

#include <sys/statvfs.h>

#include <limits>

namespace intarsia {

std::int64_t total_bytes(const std::filesystem::path& folder) {
  struct statvfs system {};
  return statvfs(folder.c_str(), &system) == 0 ? static_cast<std::int64_t>(system.f_blocks * system.f_frsize) : 0;
}

std::int64_t free_bytes(const std::filesystem::path& folder) {
  struct statvfs system {};
  if (statvfs(folder.c_str(), &system) != 0) return 0;
  if (system.f_blocks == 0) return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(system.f_bavail * system.f_frsize);
}

}  // namespace intarsia
