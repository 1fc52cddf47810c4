// SPDX-License-Identifier: Apache-2.0
#include "doctor/home_checks.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "doctor/findings.h"
#include "intarsia/error.h"
#include "server/disk_space.h"
#include "server/home.h"
#include "server/lease_file.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kLittleSpace = 256LL << 20;

void require(bool done, const fs::path& path) {
  if (done) return;
  throw Error(ErrorCode::kStoreUnavailable, fmt::format("'{}': {}", path.string(), std::strerror(errno)));
}

struct stat status_of(const fs::path& path) {
  struct stat found {};
  require(lstat(path.c_str(), &found) == 0, path);
  return found;
}

bool check_access(const fs::path& home, Findings& findings) {
  std::error_code error;
  if (!fs::exists(home, error)) {
    findings.add(home.string(), "there is no instance",
                 "the first use makes one; name another home with --home or INTARSIA_HOME");
    return false;
  }
  if (!fs::is_directory(home, error)) {
    findings.add(home.string(), "the home is no folder", "move it away, or name another home with INTARSIA_HOME");
    return false;
  }
  if (access(home.c_str(), R_OK | W_OK | X_OK) == 0) return true;
  const int reason = errno;
  findings.add(home.string(), fmt::format("user {} cannot write there: {}", geteuid(), std::strerror(reason)),
               reason == EROFS
                   ? "mount it for writing"
                   : fmt::format("run as user {}, or give that folder to user {}", status_of(home).st_uid, geteuid()));
  return false;
}

void check_permissions(const fs::path& home, Findings& findings) {
  const mode_t mode = status_of(home).st_mode;
  if ((mode & 077) == 0) return;
  findings.add(home.string(), fmt::format("others may enter the home (mode {:o})", mode & 0777), "chmod 700",
               [&] { require(chmod(home.c_str(), 0700) == 0, home); });
}

void give_recursively(const fs::path& path, const struct stat& owner) {
  require(lchown(path.c_str(), owner.st_uid, owner.st_gid) == 0, path);
  if (!fs::is_directory(fs::symlink_status(path))) return;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    require(lchown(entry.path().c_str(), owner.st_uid, owner.st_gid) == 0, entry.path());
}

/// PostgreSQL's folders may be another user's: its programs do not run as root.
bool may_differ(const fs::path& entry) {
  const std::string name = entry.filename();
  return name.starts_with("pgdata") || name.starts_with("run");
}

void check_owners(const fs::path& home, Findings& findings) {
  const struct stat owner = status_of(home);
  for (const auto& entry : fs::directory_iterator(home)) {
    const uid_t found = status_of(entry.path()).st_uid;
    if (found == owner.st_uid || may_differ(entry.path())) continue;
    const std::string what = fmt::format("it belongs to user {}, and the home to user {}", found, owner.st_uid);
    const std::string cure =
        fmt::format("as root: chown -R {}:{} '{}'", owner.st_uid, owner.st_gid, entry.path().string());
    if (geteuid() == 0)
      findings.add(entry.path().string(), what, cure, [&] { give_recursively(entry.path(), owner); });
    else
      findings.add(entry.path().string(), what, cure);
  }
}

void check_folders(const fs::path& home, Findings& findings) {
  for (const char* name : {"logs", "media", "cache"}) {
    const fs::path folder = home / name;
    if (!fs::exists(fs::symlink_status(folder))) {
      findings.add(folder.string(), "the folder is missing", "make it", [&] {
        require(mkdir(folder.c_str(), 0700) == 0, folder);
        follow_owner(folder);
      });
    } else if (!fs::is_directory(folder)) {
      findings.add(folder.string(), "it is no folder", "move it away");
    } else if (access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
      findings.add(folder.string(), fmt::format("user {} cannot write there: {}", geteuid(), std::strerror(errno)),
                   fmt::format("chmod -R u+rwX '{}'", folder.string()));
    }
  }
}

/// Damaged: nothing that prepare_home can read. Newer formats are whole, and not ours to touch.
bool is_damaged(const std::string& instance_json) {
  const nlohmann::json instance = nlohmann::json::parse(instance_json, nullptr, false);
  return !instance.is_object() || !instance.contains("format") || !instance["format"].is_number_integer();
}

bool check_instance_file(const fs::path& home, Findings& findings) {
  const fs::path path = home / "instance.json";
  const auto content = read_whole(path);
  if (!content || is_damaged(*content)) {
    findings.add(path.string(), content ? "it cannot be read as JSON with a format" : "it is missing", "write it anew",
                 [&] {
                   fs::remove(path);
                   prepare_home(home);
                 });
    return !is_damaged(read_whole(path).value_or(""));
  }
  try {
    prepare_home(home);
    return true;
  } catch (const Error& error) {
    findings.add(path.string(), "its format is unknown", error.what());
    return false;
  }
}

void check_config_file(const fs::path& home, Findings& findings) {
  const fs::path path = home / "config.toml";
  if (fs::exists(path)) return;
  findings.add(path.string(), "it is missing", "write the one of a fresh home",
               [&] { write_atomically(path, config_template()); });
}

void check_space(const fs::path& home, Findings& findings) {
  const std::int64_t free = free_bytes(home);
  if (free >= kLittleSpace) return;
  findings.add(home.string(), fmt::format("only {} MB of its disk are free", free >> 20),
               "make room there, before writes fail");
}

/// What outlives a process that was killed while it used it; in a moment others may be done with theirs.
void check_leftovers(const fs::path& folder, const std::function<bool(const std::string& name)>& is_leftover,
                     const std::string& what, Findings& findings) {
  if (!fs::is_directory(folder)) return;
  const auto old = fs::file_time_type::clock::now() - std::chrono::minutes(1);
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::error_code gone;
    if (!is_leftover(entry.path().filename()) || entry.last_write_time(gone) > old || gone) continue;
    findings.add(entry.path().string(), what, "remove it", [&] { fs::remove_all(entry.path()); });
  }
}

/// "server.json.4711": a file that was to take the place of another one.
bool is_draft(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || dot + 1 == name.size()) return false;
  const std::string stem = name.substr(0, dot);
  return name.find_first_not_of("0123456789", dot + 1) == std::string::npos &&
         (stem.ends_with(".json") || stem.ends_with(".toml"));
}

// ---- who has the data ----------------------------------------------------------------------------------------------

/// Watches for a period whether the lease is renewed.
bool is_renewed(const fs::path& home, const LeaseFile& lease) {
  const auto period = std::chrono::seconds(std::clamp<std::int64_t>(lease.period, 1, 60));
  for (const auto end = Clock::now() + period + period / 4; Clock::now() < end;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto now = read_lease(home);
    if (now && !(*now == lease)) return true;
  }
  return false;
}

bool is_in_use_elsewhere(const fs::path& home, Findings& findings) {
  const auto lease = lease_of_elsewhere(home);
  if (!lease) return false;
  if (const auto state = read_server_state(home); state && state->lives()) return false;
  if (!is_renewed(home, *lease)) return false;
  findings.add(home.string(), fmt::format("it is in use by {}", lease->describe()), used_elsewhere(home, *lease));
  return true;
}

void check_sockets(const fs::path& folder, Findings& findings) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    findings.add(entry.path().string(), "a socket of a server that is no more", "remove it",
                 [&] { fs::remove_all(entry.path()); });
}

/// Requires: no server runs or starts.
void check_remains(const fs::path& home, Findings& findings) {
  if (const auto state = read_server_state(home)) {
    const bool elsewhere = state->socket_dir.find("/intarsia-") != std::string::npos;
    if (elsewhere && fs::exists(state->socket_dir))
      findings.add(state->socket_dir, "the socket's folder of a server that is no more", "remove it",
                   [&] { fs::remove_all(state->socket_dir); });
  }
  struct Remains {
    const char* name;
    const char* what;
  };
  static constexpr Remains kRemains[] = {{"server.json", "the address of a server that is no more"},
                                         {"lease.json", "the lease of a server that is no more"},
                                         {"pgdata/postmaster.pid", "the process number of a server that is no more"}};
  for (const auto& [name, what] : kRemains) {
    const fs::path path = home / name;
    const bool others = path.filename() == "lease.json" && lease_of_elsewhere(home);  // a start watches that first
    if (fs::exists(path) && !others) findings.add(path.string(), what, "remove it", [&] { fs::remove_all(path); });
  }
  for (const char* folder : {"run", "run2"}) check_sockets(home / folder, findings);
}

/// Requires: no server starts.
void check_interrupted(const fs::path& home, Findings& findings) {
  const fs::path draft = home / "pgdata.draft";
  if (fs::exists(draft))
    findings.add(draft.string(), "a database whose making was interrupted", "remove it",
                 [&] { fs::remove_all(draft); });
  if (fs::exists(home / "pgdata.old") && fs::exists(home / "pgdata"))
    findings.add((home / "pgdata.old").string(), "the database as it was before another machine's lease was taken over",
                 "remove it", [&] { fs::remove_all(home / "pgdata.old"); });
}

bool has_files(const fs::path& folder) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none))
    if (entry.is_regular_file(none)) return true;
  return false;
}

/// A start would make an empty database where there was one.
bool check_database(const fs::path& home, Findings& findings) {
  const fs::path pgdata = home / "pgdata";
  const char* cure = "restore a backup into another home (intarsia restore), or move this home away";
  if (fs::exists(home / "pgdata.old") && !fs::exists(pgdata)) return true;  // a start puts it back
  if (fs::exists(pgdata) && !fs::exists(pgdata / "PG_VERSION")) {
    findings.add(pgdata.string(), "it is no database: PG_VERSION is missing", cure);
    return false;
  }
  if (!fs::exists(pgdata) && has_files(home / "media")) {
    findings.add(pgdata.string(), "the database is gone, and media files are there", cure);
    return false;
  }
  return true;
}

}  // namespace

bool check_home(const Config& config, Findings& findings) {
  const fs::path& home = config.home;
  if (!check_access(home, findings)) return false;
  check_permissions(home, findings);
  check_owners(home, findings);
  check_folders(home, findings);
  check_config_file(home, findings);
  const bool is_known = check_instance_file(home, findings);
  check_space(home, findings);
  check_leftovers(home, is_draft, "a file whose writing was interrupted", findings);
  check_leftovers(
      home / "spool", [](const std::string&) { return true; }, "rows that a process had put aside", findings);
  return is_known;
}

bool check_ownership(const Config& config, Findings& findings) {
  using std::chrono::milliseconds;
  const fs::path& home = config.home;
  if (is_in_use_elsewhere(home, findings) || !check_database(home, findings)) return false;
  const auto starting = FileLock::acquire(home / "server.lock", milliseconds(0));
  if (!starting) return true;  // somebody starts a server
  const auto state = read_server_state(home);
  const bool runs = state && FileLock::held(home / "owner.lock") && state->lives();
  const auto owner = runs ? std::nullopt : FileLock::acquire(home / "owner.lock", milliseconds(2000));
  if (owner) check_remains(home, findings);
  if (owner || runs) check_interrupted(home, findings);
  return true;
}

}  // namespace intarsia
