// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>

namespace intarsia {

namespace {

constexpr mode_t kOwnerOnly = 0600;

/// Root leaves nothing that the owner of the folder cannot write to.
int open_for_all(const std::filesystem::path& path) noexcept {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kOwnerOnly);
  struct stat folder {};
  if (file < 0 || geteuid() != 0 || stat(path.parent_path().c_str(), &folder) != 0) return file;
  [[maybe_unused]] const int changed = fchown(file, folder.st_uid, folder.st_gid);
  return file;
}

std::filesystem::path numbered(const std::filesystem::path& path, int number) {
  return number == 0 ? path : std::filesystem::path(path.string() + "." + std::to_string(number));
}

}  // namespace

LogFile::~LogFile() {
  close();
}

void LogFile::close() noexcept {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
}

bool LogFile::is_full(off_t size, std::size_t more) const noexcept {
  return size > 0 && size + static_cast<off_t>(more) > limit_ / (kOldFiles + 1);
}

off_t LogFile::open_current() noexcept {
  struct stat found {};
  const bool there = stat(path_.c_str(), &found) == 0;
  if (file_ >= 0 && there && found.st_dev == device_ && found.st_ino == inode_) return found.st_size;
  close();
  file_ = open_for_all(path_);
  if (file_ < 0 || fstat(file_, &found) != 0) return -1;
  device_ = found.st_dev;
  inode_ = found.st_ino;
  return found.st_size;
}

// Nobody waits here: while another process does it, the old file gets a few lines more. When it has too many, because
// that process is stopped, lines are lost.
void LogFile::rotate(std::size_t more) noexcept {
  const int lock = open_for_all(path_.string() + ".lock");
  if (lock < 0) return;
  if (flock(lock, LOCK_EX | LOCK_NB) == 0 && is_full(open_current(), more)) {
    std::error_code ignored;
    for (int number = kOldFiles; number > 0; --number)
      std::filesystem::rename(numbered(path_, number - 1), numbered(path_, number), ignored);
  }
  ::close(lock);
}

bool LogFile::write(std::string_view line) noexcept {
  try {
    off_t size = open_current();
    if (is_full(size, line.size())) {
      rotate(line.size());
      size = open_current();
    }
    if (file_ < 0 || size > limit_ / (kOldFiles + 1) / 4 * 5) return false;
    const std::string whole = (torn_ ? "\n" : "") + std::string(line);
    const ssize_t written = ::write(file_, whole.data(), whole.size());
    if (written > 0) torn_ = static_cast<std::size_t>(written) < whole.size();
    return written == static_cast<ssize_t>(whole.size());
  } catch (const std::exception&) {  // no memory
    return false;
  }
}

}  // namespace intarsia
