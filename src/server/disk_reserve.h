// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace intarsia {

/// What keeps a full disk from ending PostgreSQL. When it cannot write its log it ends at once, and recovers only with
/// room for more of it. So the server takes no writes while little of the disk is free, and home/reserve keeps room for
/// a recovery, which a start on a full disk gives up.
class DiskReserve {
 public:
  explicit DiskReserve(std::filesystem::path home);

  /// Looks at the disk; whether the server is to take writes has changed since the last look, which the first one
  /// counts as. Then PostgreSQL has to read its settings again.
  [[nodiscard]] bool look();
  [[nodiscard]] bool is_full() const { return full_; }

 private:
  void keep() const;
  void write_setting() const;

  std::filesystem::path home_;
  bool full_ = false;
  bool looked_ = false;
};

}  // namespace intarsia
