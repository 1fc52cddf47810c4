// SPDX-License-Identifier: Apache-2.0
#include "server/disk_reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>
#include <system_error>
#include <utility>

#include "server/disk_space.h"
#include "server/home.h"
#include "server/postgres_settings.h"

namespace intarsia {
namespace {

constexpr std::int64_t kReserve = 48LL << 20;  // three files of PostgreSQL's log
constexpr std::int64_t kFull = 32LL << 20;
constexpr std::int64_t kRoomy = 128LL << 20;  // well above both, so that it does not go to and fro

}  // namespace

DiskReserve::DiskReserve(std::filesystem::path home) : home_(std::move(home)) {
  full_ = read_whole(home_ / "pgdata" / kFullDiskSettings).value_or("").find(" on ") != std::string::npos;
}

bool DiskReserve::look() {
  const std::int64_t free = free_bytes(home_);
  const bool was_full = full_;
  full_ = full_ ? free < kRoomy : free < kFull;
  if (full_ && !was_full) {
    std::error_code ignored;
    std::filesystem::remove(home_ / "reserve", ignored);
  }
  if (free >= kRoomy) keep();
  if (std::exchange(looked_, true) && full_ == was_full) return false;
  write_setting();
  return true;
}

/// A file system that cannot set space aside without writing it has none.
void DiskReserve::keep() const {
  const std::filesystem::path path = home_ / "reserve";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  if (fallocate(file, 0, 0, kReserve) != 0) unlink(path.c_str());
  close(file);
  follow_owner(path);
}

/// In place and of one size, which needs no space.
void DiskReserve::write_setting() const {
  const std::filesystem::path path = home_ / "pgdata" / kFullDiskSettings;
  const std::string_view text =
      full_ ? "default_transaction_read_only = on \n" : "default_transaction_read_only = off\n";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t written = pwrite(file, text.data(), text.size(), 0);
  close(file);
  follow_owner(path);
}

}  // namespace intarsia
