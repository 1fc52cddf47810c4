// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace intarsia {

/// A file that many processes append lines to, each with one write. When it has its share of the limit, whoever writes
/// next makes it <name>.1, that <name>.2, and so on, under a lock file; the others notice that the name means another
/// file now. Not thread-safe. Never throws.
class LogFile {
 public:
  /// `limit`: bytes of all files together; at most a quarter more while a file is full and another process is at it.
  LogFile(std::filesystem::path path, std::int64_t limit) : path_(std::move(path)), limit_(limit) {}
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// With its newline. False: it is lost.
  bool write(std::string_view line) noexcept;

 private:
  static constexpr int kOldFiles = 3;

  /// The size of the file that has the name, which is open afterwards; negative: it cannot be opened.
  off_t open_current() noexcept;
  void rotate(std::size_t more) noexcept;
  void close() noexcept;
  [[nodiscard]] bool is_full(off_t size, std::size_t more) const noexcept;

  std::filesystem::path path_;
  std::int64_t limit_;
  int file_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool torn_ = false;  // the last line was written in part
};

}  // namespace intarsia
