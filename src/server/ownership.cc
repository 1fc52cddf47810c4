// SPDX-License-Identifier: Apache-2.0
#include "server/ownership.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "intarsia/error.h"
#include "server/lease_file.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

struct Holder {
  pid_t pid = 0;
  std::string program;
};

bool has_open(const fs::path& process, const struct stat& file) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(process / "fd", error)) {
    struct stat open {};
    if (stat(entry.path().c_str(), &open) == 0 && open.st_ino == file.st_ino && open.st_dev == file.st_dev) return true;
  }
  return false;
}

/// Processes of a server of this home, in this PID namespace. Clients that look at the lock for a moment are not among
/// them.
std::vector<Holder> holders(const fs::path& lock) {
  std::vector<Holder> found;
  struct stat file {};
  if (stat(lock.c_str(), &file) != 0) return found;
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/ns/pid", error);
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const pid_t pid = std::atoi(process.path().filename().c_str());
    std::string program = read_whole(process.path() / "comm").value_or("");
    while (!program.empty() && program.back() == '\n') program.pop_back();
    const bool ours = program == "postgres" || program == "intarsia-server";
    if (pid <= 0 || pid == getpid() || !ours || !has_open(process.path(), file)) continue;
    if (fs::read_symlink(process.path() / "ns/pid", error) == here) found.push_back({pid, program});
  }
  return found;
}

/// Ends what has lost its parent: a postmaster in order, its children without ado.
void end_orphans(const fs::path& home, const std::vector<Holder>& found, bool hard) {
  const pid_t postmaster = std::atoi(read_whole(home / "pgdata" / "postmaster.pid").value_or("0").c_str());
  const bool has_postmaster =
      std::any_of(found.begin(), found.end(), [&](const Holder& holder) { return holder.pid == postmaster; });
  for (const Holder& holder : found) {
    if (holder.program == "intarsia-server") return;  // its own business
  }
  for (const Holder& holder : found) {
    if (!has_postmaster) kill(holder.pid, hard ? SIGKILL : SIGQUIT);
    if (holder.pid == postmaster) kill(holder.pid, SIGINT);
  }
}

/// When the lock is held by a server elsewhere. One that has told where it listens, and is not to be reached there, is
/// not waited for: it runs, or its last processes will have ended when the user tries again.
void refuse_when_elsewhere(const fs::path& home, bool has_address, bool out_of_patience) {
  const auto lease = lease_of_elsewhere(home);
  if (lease && (has_address || out_of_patience))
    throw Error(ErrorCode::kDatabaseUnavailable, used_elsewhere(home, *lease));
}

}  // namespace

std::optional<FileLock> take_ownership(const fs::path& home) {
  constexpr seconds kPatience{120}, kElsewherePatience{60};
  const auto begin = Clock::now();
  auto next_look = begin + milliseconds(500);
  while (Clock::now() - begin < kPatience) {
    if (auto lock = FileLock::acquire(home / "owner.lock", milliseconds(100))) return lock;
    const auto state = read_server_state(home);
    if (state && state->lives()) return std::nullopt;
    if (Clock::now() > next_look) {
      const std::vector<Holder> found = holders(home / "owner.lock");
      if (found.empty()) refuse_when_elsewhere(home, state.has_value(), Clock::now() - begin > kElsewherePatience);
      end_orphans(home, found, Clock::now() - begin > seconds(3));
      next_look = Clock::now() + seconds(1);
    }
  }
  std::vector<std::string> left;
  for (const Holder& holder : holders(home / "owner.lock"))
    left.push_back(fmt::format("{} ({})", holder.pid, holder.program));
  throw Error(
      ErrorCode::kDatabaseUnavailable,
      fmt::format("processes of an earlier server of home '{}' do not end: {}; end them by hand", home.string(),
                  left.empty() ? "some that cannot be seen from here" : fmt::format("{}", fmt::join(left, ", "))));
}

}  // namespace intarsia
