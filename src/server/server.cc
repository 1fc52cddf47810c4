// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "intarsia/config.h"
#include "intarsia/error.h"
#include "server/home.h"
#include "server/lease_file.h"
#include "server/watch.h"
#include "storage/fork.h"

extern char** environ;

namespace intarsia {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kStartPatience{600};
constexpr seconds kStopPatience{120};
constexpr const char* kProgram = "intarsia-server";

[[noreturn]] void fail(const std::string& message, std::string detail = {}, bool retriable = false) {
  throw Error(ErrorCode::kDatabaseUnavailable, "start of the embedded server: " + message, std::move(detail),
              retriable);
}

std::optional<ServerState> running_server(const fs::path& home) {
  auto state = read_server_state(home);
  if (!state || !FileLock::held(home / "owner.lock") || !state->lives()) return std::nullopt;
  return state;
}

bool reachable(const ServerState& state) {
  return access(state.socket_path().c_str(), F_OK) == 0;
}

fs::path find_program() {
  if (const char* path = std::getenv("INTARSIA_SERVER_BIN"); path != nullptr && *path != '\0') {
    if (access(path, X_OK) == 0) return path;
    fail(fmt::format("INTARSIA_SERVER_BIN is '{}', which cannot be executed: {}", path, std::strerror(errno)));
  }
  std::vector<fs::path> candidates;
  Dl_info library{};
  if (dladdr(reinterpret_cast<const void*>(&ensure_server), &library) != 0 && library.dli_fname != nullptr) {
    const fs::path folder = fs::absolute(library.dli_fname).lexically_normal().parent_path();
    for (const char* beside : {".", "../bin", "../libexec", "../libexec/intarsia", "../../bin"}) {
      candidates.push_back(folder / beside / kProgram);
    }
  }
  std::error_code error;
  candidates.push_back(fs::read_symlink("/proc/self/exe", error).parent_path() / kProgram);
  const std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    if (end > at) candidates.push_back(fs::path(path.substr(at, end - at)) / kProgram);
    at = end + 1;
  }
  for (const fs::path& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate.lexically_normal();
  }
  fail(
      fmt::format("the program {} is neither beside the library ('{}') nor on PATH; reinstall Intarsia, or set "
                  "INTARSIA_SERVER_BIN to its path",
                  kProgram, candidates.front().parent_path().string()));
}

/// Starts intarsia-server in a session of its own; returns the pipe on which it reports "ready" or why not.
int spawn(const Config& config) {
  const fs::path log = config.home / "logs" / "server.log";
  std::vector<std::string> words = {find_program().string(), "--home=" + config.home.string(),
                                    fmt::format("--idle-seconds={}", config.idle_seconds),
                                    "--postgres-bin=" + config.postgres_bin};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const int log_file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_file < 0) fail(fmt::format("cannot write '{}': {}", log.string(), std::strerror(errno)));
  close(log_file);
  follow_owner(log);
  // A child that is forked now would keep the pipe's end open, and the report never end.
  static ForkMutex<> spawning;
  const std::lock_guard lock(spawning);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail(std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  pid_t child = 0;
  const int error = posix_spawn(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    fail(fmt::format("cannot execute '{}' with log '{}': {}", words[0], log.string(), std::strerror(error)));
  }
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return ends[0];
}

/// What intarsia-server said before it closed the pipe; `timed_out` when it did not.
std::string read_report(int pipe, bool& timed_out) {
  std::string report;
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  for (timed_out = false;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{.fd = pipe, .events = POLLIN, .revents = 0};
    const int found = left.count() > 0 ? poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (found < 0 && errno == EINTR) continue;
    timed_out = found == 0;
    char block[512];
    const ssize_t count = timed_out ? 0 : read(pipe, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    report.append(block, static_cast<std::size_t>(count));
  }
  close(pipe);
  return report;
}

/// What the log got since `from`, without the report itself.
std::string new_log(const fs::path& log, std::uintmax_t from, const std::string& report) {
  std::string tail = log_tail(log, from);
  if (const auto at = report.empty() ? std::string::npos : tail.find(report); at != std::string::npos) {
    const auto line_end = tail.rfind('\n', at);
    const std::size_t begin = line_end == std::string::npos ? 0 : line_end + 1;
    tail.erase(begin, at + report.size() + 1 - begin);
  }
  return tail;
}

ServerState start(const Config& config) {
  const fs::path log = config.home / "logs" / "server.log";
  std::error_code ignored;
  const std::uintmax_t log_size = fs::exists(log, ignored) ? fs::file_size(log, ignored) : 0;
  bool timed_out = false;
  std::string report = read_report(spawn(config), timed_out);
  if (report == "ready") {
    if (auto state = read_server_state(config.home)) return *state;
  }
  const bool try_again = report == "ready" || report.empty() || report.starts_with(kTryAgain);
  if (report.starts_with(kTryAgain)) report.erase(0, kTryAgain.size());
  const std::string tail = new_log(log, log_size, report);
  std::string message = report == "ready" ? "it ended at once" : report;
  if (timed_out) message = fmt::format("it is not ready after {} s", kStartPatience.count());
  if (message.empty()) message = "intarsia-server ended without a word";
  if (!tail.empty()) message += fmt::format("\nEnd of {}:\n{}", log.string(), tail);
  fail(message, tail, try_again && !timed_out);
}

FileLock lock_server(const fs::path& home) {
  auto lock = FileLock::acquire(home / "server.lock", kStartPatience);
  if (!lock)
    fail(
        fmt::format("another process has held '{}' for {} s", (home / "server.lock").string(), kStartPatience.count()));
  return std::move(*lock);
}

}  // namespace

std::string ensure_server(const Config& config) {
  prepare_home(config.home);
  if (!config.db_url.empty()) return config.db_url;
  if (const auto state = running_server(config.home); state && reachable(*state)) return state->conninfo();
  const FileLock starting = lock_server(config.home);
  if (const auto state = running_server(config.home)) {
    if (reachable(*state)) return state->conninfo();
    // In a folder that is there the socket comes in a moment, or is gone because the server ends.
    fail(fmt::format("the server of '{}' runs as process {}, but its socket '{}' is not to be seen from here; end that "
                     "process, and it starts anew",
                     config.home.string(), state->pid, state->socket_path().string()),
         {}, access(state->socket_dir.c_str(), F_OK) == 0);
  }
  return start(config).conninfo();
}

bool server_running(const Config& config) {
  return running_server(config.home).has_value();
}

bool stop_server(const Config& config) {
  const fs::path& home = config.home;
  if (!config.db_url.empty() || !fs::exists(home / "owner.lock")) return false;
  const FileLock stopping = lock_server(home);
  if (!FileLock::held(home / "owner.lock")) return false;
  if (const auto lease = lease_of_elsewhere(home))
    throw Error(ErrorCode::kDatabaseUnavailable,
                fmt::format("stop of the embedded server of '{}': it runs in {}, out of reach from here; stop it there",
                            home.string(), lease->describe()));
  if (const auto state = running_server(home)) kill(state->pid, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + kStopPatience;
  while (FileLock::held(home / "owner.lock")) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw Error(ErrorCode::kDatabaseUnavailable,
                  fmt::format("stop of the embedded server of '{}': it still runs after {} s; see '{}'", home.string(),
                              kStopPatience.count(), (home / "logs" / "server.log").string()));
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

}  // namespace intarsia
