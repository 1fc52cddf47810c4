// SPDX-License-Identifier: Apache-2.0
#include "server/run_as.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "intarsia/error.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

bool write_map(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

/// Moves this process to a user namespace of its own where its uid is called `user.uid`.
bool enter_namespace(const RunAs& user) {
  const uid_t outer_uid = geteuid();
  const gid_t outer_gid = getegid();
  return unshare(CLONE_NEWUSER) == 0 && write_map("/proc/self/setgroups", "deny") &&
         write_map("/proc/self/uid_map", fmt::format("{} {} 1\n", user.uid, outer_uid)) &&
         write_map("/proc/self/gid_map", fmt::format("{} {} 1\n", user.gid, outer_gid)) && geteuid() == user.uid;
}

/// Keeps over execve the right to pass folders that belong to root, such as a home below /root.
bool keep_file_access() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  const __u32 bit = 1U << CAP_DAC_OVERRIDE;
  sets[0].effective |= bit;
  sets[0].inheritable |= bit;
  return syscall(SYS_capset, &header, sets) == 0 &&
         prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) == 0;
}

bool change_user(const RunAs& user, const char* program, const char* data) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, nullptr) != 0 || setgid(user.gid) != 0 ||
      setuid(user.uid) != 0) {
    return false;
  }
  const bool reachable = access(program, X_OK) == 0 && (data == nullptr || access(data, R_OK | W_OK | X_OK) == 0);
  return reachable || keep_file_access();
}

bool become(const RunAs& user, const char* program, const char* data) {
  switch (user.mode) {
    case RunAs::Mode::kSelf:
      return true;
    case RunAs::Mode::kUserNamespace:
      return enter_namespace(user);
    case RunAs::Mode::kOtherUser:
      return change_user(user, program, data);
  }
  return false;
}

bool namespace_allowed(const RunAs& user) {
  const pid_t child = fork();
  if (child == 0) _exit(enter_namespace(user) ? 0 : 1);
  int status = 1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && status == 0;
}

/// A uid other than 0 that has a name.
std::optional<RunAs> named_user(RunAs::Mode mode) {
  for (const char* name : {"postgres", "nobody", "daemon"}) {
    const passwd* entry = getpwnam(name);
    if (entry != nullptr && entry->pw_uid != 0) return RunAs{mode, entry->pw_uid, entry->pw_gid};
  }
  std::optional<RunAs> found;
  setpwent();
  for (const passwd* entry = getpwent(); entry != nullptr && !found; entry = getpwent()) {
    if (entry->pw_uid != 0) found = RunAs{mode, entry->pw_uid, entry->pw_gid};
  }
  endpwent();
  return found;
}

/// The folder after -D, which PostgreSQL's programs must be able to enter.
const char* data_argument(const std::vector<std::string>& command) {
  for (std::size_t i = 0; i + 1 < command.size(); ++i) {
    if (command[i] == "-D") return command[i + 1].c_str();
  }
  return nullptr;
}

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kDatabaseUnavailable, message);
}

}  // namespace

std::string RunAs::text() const {
  if (mode == Mode::kSelf) return "self";
  return mode == Mode::kUserNamespace ? "user namespace" : fmt::format("user {}", uid);
}

uid_t RunAs::file_owner() const {
  return mode == Mode::kOtherUser ? uid : geteuid();
}

RunAs choose_user(const fs::path& pgdata) {
  struct stat data {};
  const bool exists = stat(pgdata.c_str(), &data) == 0;
  const uid_t self = geteuid();
  if (self != 0 && exists && data.st_uid != self) {
    fail(fmt::format("'{}' belongs to user {}, and this is user {}; run as that user", pgdata.string(), data.st_uid,
                     self));
  }
  if (self != 0 && (exists || getpwuid(self) != nullptr)) return {RunAs::Mode::kSelf, self, getegid()};
  if (self == 0 && exists && data.st_uid != 0) return {RunAs::Mode::kOtherUser, data.st_uid, data.st_gid};
  const auto inside = named_user(RunAs::Mode::kUserNamespace);
  if (!inside) fail("PostgreSQL needs a user other than root, and /etc/passwd has none; add one (useradd postgres)");
  if (namespace_allowed(*inside)) return *inside;
  if (self == 0) return *named_user(RunAs::Mode::kOtherUser);
  fail(
      fmt::format("initdb needs a user with a name: uid {} has none in /etc/passwd, and user namespaces are not "
                  "allowed here; add a line for it to /etc/passwd",
                  self));
}

void give_to(const RunAs& user, const fs::path& folder) {
  if (user.mode != RunAs::Mode::kOtherUser) return;
  std::vector<fs::path> paths = {folder};
  for (const auto& entry : fs::recursive_directory_iterator(folder)) paths.push_back(entry.path());
  for (const fs::path& path : paths) {
    if (lchown(path.c_str(), user.uid, user.gid) != 0) {
      fail(fmt::format("cannot give '{}' to user {}: {}", path.string(), user.uid, std::strerror(errno)));
    }
  }
}

pid_t launch(const RunAs& user, const std::vector<std::string>& command, int output, bool dies_with_parent) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) fail(fmt::format("cannot start '{}': {}", command[0], std::strerror(errno)));
  if (child > 0) return child;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (output >= 0 && (dup2(output, 1) < 0 || dup2(output, 2) < 0)) _exit(126);
  if (become(user, arguments[0], data_argument(command))) {
    // Last before execve: a change of credentials resets it.
    if (dies_with_parent) prctl(PR_SET_PDEATHSIG, SIGINT, 0, 0, 0);
    if (getppid() == parent) execv(arguments[0], arguments.data());
  }
  const std::string problem = fmt::format("cannot run '{}' as {}: {}\n", command[0], user.text(), std::strerror(errno));
  [[maybe_unused]] const ssize_t written = write(2, problem.data(), problem.size());
  _exit(126);
}

Finished run_program(const RunAs& user, const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail(std::strerror(errno));
  const pid_t child = launch(user, command, ends[1], true);
  close(ends[1]);
  Finished finished;
  char block[4096];
  for (ssize_t count = 1; count != 0;) {
    count = read(ends[0], block, sizeof block);
    if (count < 0 && errno != EINTR) break;
    if (count > 0) finished.output.append(block, static_cast<std::size_t>(count));
  }
  close(ends[0]);
  while (waitpid(child, &finished.status, 0) < 0 && errno == EINTR) {
  }
  return finished;
}

}  // namespace intarsia
