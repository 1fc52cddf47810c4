// SPDX-License-Identifier: Apache-2.0
#include "server/new_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <thread>
#include <tuple>

#include "intarsia/error.h"
#include "server/disk_space.h"
#include "server/run_as.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kDatabaseUnavailable, message);
}

/// Size and time of last change of each file below a folder.
using State = std::map<std::string, std::tuple<off_t, std::int64_t, std::int64_t>>;

State state_of(const fs::path& folder) {
  State state;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat file {};
    if (lstat(entry.path().c_str(), &file) == 0)
      state[entry.path().string()] = {file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
  }
  return state;
}

std::int64_t bytes_of(const State& state) {
  std::int64_t bytes = 0;
  for (const auto& [path, file] : state) bytes += std::get<0>(file);
  return bytes;
}

void check_room(const fs::path& home, const State& state) {
  const std::int64_t needed = bytes_of(state), free = free_bytes(home);
  if (free >= needed) return;
  fail(fmt::format(
      "home '{}' was used by another machine that has not given it back; it is taken over with a copy of the "
      "database, which needs {} MB of disk, and {} MB are free there. Free some space; or, if you are sure "
      "that the other machine is off, remove '{}'",
      home.string(), (needed >> 20) + 1, free >> 20, (home / "lease.json").string()));
}

/// Copies until nobody wrote meanwhile: one that wakes now ends as soon as it sees the lease.
void copy_quiet(const fs::path& pgdata, const fs::path& copy) {
  constexpr int kAttempts = 5;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const State before = state_of(pgdata);
    fs::remove_all(copy);
    fs::copy(pgdata, copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    if (state_of(pgdata) == before) return;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  fail(fmt::format("another server goes on writing to '{}', although its lease has expired; stop it", pgdata.string()));
}

void write_to_disk(const fs::path& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool written = file >= 0 && syncfs(file) == 0;
  if (file >= 0) close(file);
  if (!written) fail(fmt::format("cannot write '{}' to the disk", folder.string()));
}

}  // namespace

void give_new_files(const fs::path& home, const RunAs& user) {
  const fs::path pgdata = home / "pgdata", copy = home / "pgdata.draft", old = home / "pgdata.old";
  if (!fs::exists(pgdata)) return;
  try {
    fs::remove_all(copy);
    check_room(home, state_of(pgdata));
    copy_quiet(pgdata, copy);
    give_to(user, copy);
    write_to_disk(home);
    fs::rename(pgdata, old);
    fs::rename(copy, pgdata);
    fs::remove_all(old);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(copy, ignored);
    fail(fmt::format("home '{}' cannot be taken over from another machine: {}", home.string(), error.what()));
  }
}

void finish_new_files(const fs::path& home) {
  const fs::path pgdata = home / "pgdata", old = home / "pgdata.old";
  if (!fs::exists(old)) return;
  if (fs::exists(pgdata))
    fs::remove_all(old);
  else
    fs::rename(old, pgdata);
}

}  // namespace intarsia
