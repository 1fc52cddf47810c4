// SPDX-License-Identifier: Apache-2.0
#include "server/home.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "intarsia/config.h"
#include "intarsia/error.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void fail_to_write(const fs::path& path, int error) {
  std::string cure = "; set INTARSIA_HOME to a folder on a local disk that you own";
  if (error == ENOSPC || error == EDQUOT) cure = "; free some space there";
  if (error == EACCES || error == EPERM || error == EROFS) {
    cure =
        fmt::format(" as user {}; give that user the folder, or set INTARSIA_HOME to one that it can write", geteuid());
  }
  throw Error(ErrorCode::kStoreUnavailable,
              fmt::format("home: cannot write '{}': {}{}", path.string(), std::strerror(error), cure));
}

void make_private_folder(const fs::path& path) {
  if (mkdir(path.c_str(), 0700) == 0) {
    follow_owner(path);
  } else if (errno != EEXIST) {
    fail_to_write(path, errno);
  }
}

void check_format(const fs::path& home, const std::string& content) {
  const json instance = json::parse(content, nullptr, false);
  const auto format = instance.is_object() ? instance.find("format") : instance.end();
  if (!instance.is_object() || format == instance.end() || !format->is_number_integer()) {
    throw Error(ErrorCode::kInvalidConfiguration,
                fmt::format("home: '{}' has no whole number \"format\"; restore the file from a backup, or set "
                            "INTARSIA_HOME to another folder",
                            (home / "instance.json").string()));
  }
  if (format->get<std::int64_t>() > kHomeFormat) {
    throw Error(ErrorCode::kInvalidConfiguration,
                fmt::format("home: '{}' has format {}, written by a newer Intarsia; this one reads formats up to {}. "
                            "Install a newer Intarsia (pip install --upgrade intarsia), or set INTARSIA_HOME to "
                            "another folder",
                            home.string(), format->get<std::int64_t>(), kHomeFormat));
  }
}

void create_home(const fs::path& home) {
  std::error_code error;
  if (!fs::exists(home, error)) {
    fs::create_directories(home.parent_path(), error);
    if (error) fail_to_write(home.parent_path(), error.value());
    make_private_folder(home);
  }
  if (!fs::is_directory(home, error)) fail_to_write(home, error ? error.value() : ENOTDIR);
  for (const char* folder : {"logs", "media", "cache"}) make_private_folder(home / folder);
  if (!fs::exists(home / "config.toml", error)) write_atomically(home / "config.toml", config_template());
  if (!fs::exists(home / "instance.json", error)) {
    const json instance = {{"format", kHomeFormat},
                           {"created", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))}};
    write_atomically(home / "instance.json", instance.dump(2) + "\n");
  }
}

}  // namespace

void prepare_home(const fs::path& home) {
  if (const auto content = read_whole(home / "instance.json")) {
    check_format(home, *content);
  } else {
    create_home(home);
  }
}

void record_in_instance(const fs::path& home, const std::string& field, const std::string& value) {
  json instance = json::parse(read_whole(home / "instance.json").value_or("{}"), nullptr, false);
  if (!instance.is_object() || instance.value(field, "") == value) return;
  instance[field] = value;
  write_atomically(home / "instance.json", instance.dump(2) + "\n");
}

std::string ServerState::conninfo(const std::string& database) const {
  return fmt::format("host={} port=5432 user=intarsia dbname={}", socket_dir, database);
}

fs::path ServerState::socket_path() const {
  return fs::path(socket_dir) / ".s.PGSQL.5432";
}

bool ServerState::lives() const {
  if (place.boot.empty() || place.is_here()) return watcher_lives();
  return place.on_this_kernel() && answers();
}

bool ServerState::answers() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket_path().string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool connected = connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const bool busy = !connected && errno == EAGAIN;
  close(client);
  return connected || busy;
}

bool ServerState::watcher_lives() const {
  // "4711 (intarsia-server) S ...": a Z there is dead, and only its parent has not noticed.
  static constexpr std::string_view kName = "(intarsia-server) ";
  const std::string stat = pid > 0 ? read_whole(fmt::format("/proc/{}/stat", pid)).value_or("") : "";
  const auto at = stat.find(kName);
  return at != std::string::npos && stat.find_first_of("ZX", at) != at + kName.size();
}

std::optional<ServerState> read_server_state(const fs::path& home) {
  const auto content = read_whole(home / "server.json");
  if (!content) return std::nullopt;
  const json state = json::parse(*content, nullptr, false);
  if (!state.is_object()) return std::nullopt;
  return ServerState{.pid = static_cast<pid_t>(number_field(state, "pid")),
                     .socket_dir = text_field(state, "socket_dir"),
                     .place = Place::from_json(state)};
}

void write_server_state(const fs::path& home, const ServerState& state) {
  json content = {{"pid", state.pid}, {"socket_dir", state.socket_dir}};
  state.place.to_json(content);
  write_atomically(home / "server.json", content.dump() + "\n", false);  // tells of a process, which a power cut ends
}

void remove_server_state(const fs::path& home) {
  std::error_code ignored;
  fs::remove(home / "server.json", ignored);
}

void write_atomically(const fs::path& path, const std::string& content, bool durable) {
  const fs::path draft = fmt::format("{}.{}", path.string(), getpid());
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) fail_to_write(path, errno);
  const bool written = write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  const int error = written ? 0 : (errno != 0 ? errno : ENOSPC);
  if (written && durable) fsync(file);  // else the new name may come to have no content
  close(file);
  follow_owner(draft);
  if (!written || rename(draft.c_str(), path.c_str()) != 0) {
    const int reason = written ? errno : error;
    unlink(draft.c_str());
    fail_to_write(path, reason);
  }
  const int folder = durable ? open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
}

std::optional<std::string> read_whole(const fs::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string content;
  char block[4096];
  ssize_t count = 0;
  while ((count = read(file, block, sizeof block)) > 0) content.append(block, static_cast<std::size_t>(count));
  close(file);
  return content;
}

void follow_owner(const fs::path& path) {
  struct stat parent {};
  if (geteuid() != 0 || stat(path.parent_path().c_str(), &parent) != 0 || parent.st_uid == 0) return;
  if (lchown(path.c_str(), parent.st_uid, parent.st_gid) != 0) fail_to_write(path, errno);
}

std::string log_tail(const fs::path& path, std::uintmax_t from) {
  constexpr std::uintmax_t kBytes = 3000;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || size <= from) return {};
  std::ifstream file(path);
  file.seekg(static_cast<std::streamoff>(std::max(from, size > kBytes ? size - kBytes : 0)));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<FileLock> FileLock::acquire(const fs::path& path, std::chrono::milliseconds patience) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) fail_to_write(path, errno);
  FileLock lock(file);
  follow_owner(path);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) fail_to_write(path, errno);
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return lock;
}

bool FileLock::held(const fs::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool busy = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(file);
  return busy;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_), inherited_(other.inherited_) {
  other.descriptor_ = -1;
}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  if (!inherited_) flock(descriptor_, LOCK_UN);  // a forked child may have it, too
  close(descriptor_);
}

void FileLock::inherit() {
  fcntl(descriptor_, F_SETFD, 0);
  inherited_ = true;
}

}  // namespace intarsia
