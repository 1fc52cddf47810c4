// SPDX-License-Identifier: Apache-2.0
// home/lease.json: {"owner": random, "host", "boot": the kernel's boot id, "pid_namespace", "pid", "time", "period":
// seconds}, padded to a fixed size and written in place, which needs no disk space.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "server/place.h"

namespace intarsia {

/// Who says that a home's data is his.
struct LeaseFile {
  std::string owner;
  std::string host;
  Place place;
  std::int64_t pid = 0;
  std::int64_t time = 0;
  std::int64_t period = 0;

  bool operator==(const LeaseFile& other) const;
  [[nodiscard]] std::string text() const;
  /// "the machine or container 'web-1' (process 17 there)".
  [[nodiscard]] std::string describe() const;
};

[[nodiscard]] std::filesystem::path lease_path(const std::filesystem::path& home);
/// nullopt: there is none that can be read.
[[nodiscard]] std::optional<LeaseFile> read_lease(const std::filesystem::path& home);
/// The lease, when its owner's processes cannot be seen from here: on another machine, or in another container.
[[nodiscard]] std::optional<LeaseFile> lease_of_elsewhere(const std::filesystem::path& home);
/// For an error: why the home's server cannot be used, stopped or replaced from here, and what to do.
[[nodiscard]] std::string used_elsewhere(const std::filesystem::path& home, const LeaseFile& lease);

}  // namespace intarsia
