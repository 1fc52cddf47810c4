// SPDX-License-Identifier: Apache-2.0
#include "storage/durable_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "intarsia/error.h"
#include "storage/faults.h"

namespace intarsia {

namespace {

void write_through(const std::filesystem::path& path, int (*sync)(int)) {
  const bool may_work = pass_file_point();
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  bool done = file >= 0 && sync(file) == 0 && may_work;
  // Some network and user-space file systems know no fsync of folders: EINVAL means that there is nothing to wait for.
  if (!done && file >= 0 && may_work && errno == EINVAL) done = true;
  const int reason = may_work ? errno : EIO;
  if (file >= 0) close(file);
  if (done) return;
  throw Error(ErrorCode::kStoreUnavailable, fmt::format("cannot write '{}' to the disk: {}; nothing that names it is "
                                                        "published. See whether the disk is full or broken",
                                                        path.string(), std::strerror(reason)));
}

}  // namespace

void write_through(const std::filesystem::path& path) {
  write_through(path, fsync);
}

void write_through_file_system(const std::filesystem::path& folder) {
  write_through(folder, syncfs);
}

}  // namespace intarsia
