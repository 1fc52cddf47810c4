// SPDX-License-Identifier: Apache-2.0
#include "server/socket_dir.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "intarsia/error.h"
#include "server/run_as.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

/// FNV-1a; names a folder and protects nothing.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037ULL;
  for (const unsigned char c : text) value = (value ^ c) * 1099511628211ULL;
  return value;
}

/// PostgreSQL reads the folder as a list, and libpq's strings need quotes for some characters: take plain ones only.
bool plain(const std::string& path) {
  return path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") ==
         std::string::npos;
}

bool binds(const std::string& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/.s.PGSQL.5432.lock";  // the longest name that PostgreSQL puts there
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(path.c_str());
  const bool bound = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  unlink(path.c_str());
  return bound;
}

/// Makes the folder, or takes one that is already as it must be.
bool take(const std::string& folder, const RunAs& user) {
  if (!plain(folder)) return false;
  if (mkdir(folder.c_str(), 0700) == 0 && user.mode == RunAs::Mode::kOtherUser) {
    if (lchown(folder.c_str(), user.uid, user.gid) != 0) return false;
  }
  struct stat found {};
  if (lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return false;
  // Left by a server that ran as another user, in a home that only we can write.
  if (found.st_uid != user.file_owner() && fs::path(folder).filename().string().starts_with("run")) {
    if (lchown(folder.c_str(), user.file_owner(), user.gid) != 0 || lstat(folder.c_str(), &found) != 0) return false;
  }
  return found.st_uid == user.file_owner() && (found.st_mode & 077) == 0 && binds(folder);
}

}  // namespace

std::string make_socket_dir(const fs::path& home, const RunAs& user, const std::string& avoided) {
  std::vector<std::string> candidates = {(home / "run").string(), (home / "run2").string()};
  const std::string name = fmt::format("intarsia-{:016x}", hash(fmt::format("{} {}", home.string(), geteuid())));
  std::vector<std::string> parents = {"/tmp", "/var/tmp"};
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    parents.emplace_back(runtime);
  }
  for (const std::string& parent : parents) {
    for (const char* suffix : {"", "-2", "-3"}) candidates.push_back(parent + "/" + name + suffix);
  }
  for (const std::string& candidate : candidates) {
    if (candidate != avoided && take(candidate, user)) return candidate;
  }
  throw Error(ErrorCode::kDatabaseUnavailable,
              fmt::format("found no private folder for the server's socket: tried '{}' to '{}'; make /tmp writable, or "
                          "remove what lies there under that name",
                          candidates.front(), candidates.back()));
}

void remove_socket_dir(const fs::path& home, const std::string& socket_dir) {
  if (socket_dir.empty() || fs::path(socket_dir).parent_path() == home) return;
  std::error_code ignored;
  for (const char* file : {".s.PGSQL.5432", ".s.PGSQL.5432.lock"}) fs::remove(fs::path(socket_dir) / file, ignored);
  fs::remove(socket_dir, ignored);
}

}  // namespace intarsia
