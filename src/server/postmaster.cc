// SPDX-License-Identifier: Apache-2.0
#include "server/postmaster.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "intarsia/config.h"
#include "intarsia/error.h"
#include "server/disk_space.h"
#include "server/home.h"
#include "server/postgres_settings.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::int64_t kFirstUseBytes = 60LL << 20;

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kDatabaseUnavailable, message);
}

void append(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::app);
  file << text << std::flush;
  if (!file) fail(fmt::format("cannot write '{}': {}", path.string(), std::strerror(errno)));
}

std::vector<std::string> initdb_command(const PostgresBinaries& binaries, const fs::path& folder) {
  std::vector<std::string> command = {
      binaries.program("initdb"), "-D", folder.string(), "-U", "intarsia", "-A", "trust", "-E", "UTF8",
      "--lc-messages=C"};
  if (binaries.major >= 17) {
    command.insert(command.end(), {"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"});
  } else {
    command.emplace_back("--locale=C.UTF-8");
  }
  if (binaries.major < 18) command.emplace_back("--data-checksums");
  return command;
}

void create_pgdata(const fs::path& home, const PostgresBinaries& binaries, const RunAs& user) {
  const fs::path draft = home / "pgdata.draft";
  const std::int64_t free = free_bytes(home);
  if (free < kFirstUseBytes) {
    fail(
        fmt::format("first use of home '{}' needs about {} MB of disk, and {} MB are free there; free some space, or "
                    "set INTARSIA_HOME to a folder on another disk",
                    home.string(), kFirstUseBytes >> 20, free >> 20));
  }
  fs::remove_all(draft);
  if (mkdir(draft.c_str(), 0700) != 0) fail(fmt::format("cannot make '{}': {}", draft.string(), std::strerror(errno)));
  give_to(user, draft);
  const Finished initdb = run_program(user, initdb_command(binaries, draft));
  if (initdb.status != 0) {
    std::error_code ignored;
    fs::remove_all(draft, ignored);
    const bool full = initdb.output.find(std::strerror(ENOSPC)) != std::string::npos;
    fail(fmt::format("initdb failed in '{}'{}:\n{}", home.string(),
                     full ? ", because the disk is full; free some space there" : "", initdb.output));
  }
  std::ofstream(draft / "pg_hba.conf") << "# Who can reach the socket, in a private folder, is the owner.\n"
                                          "local all all trust\nlocal replication all trust\n";
  append(draft / "postgresql.conf", "\ninclude_if_exists = 'intarsia.conf'\n");
  give_to(user, draft);
  fs::rename(draft, home / "pgdata");
}

bool has_lz4(const PostgresBinaries& binaries, const RunAs& user, const fs::path& pgdata) {
  const Finished asked = run_program(user, {binaries.program("postgres"), "-D", pgdata.string(), "-c",
                                            "wal_compression=lz4", "-C", "wal_compression"});
  return asked.status == 0;
}

}  // namespace

int pgdata_version(const fs::path& home) {
  return std::atoi(read_whole(home / "pgdata" / "PG_VERSION").value_or("0").c_str());
}

void prepare_pgdata(const fs::path& home, const PostgresBinaries& binaries, const RunAs& user) {
  const fs::path pgdata = home / "pgdata";
  if (!fs::exists(pgdata)) create_pgdata(home, binaries, user);
  struct stat data {};
  if (stat(pgdata.c_str(), &data) == 0 && data.st_uid != user.file_owner()) give_to(user, pgdata);
  const fs::path settings = pgdata / "intarsia.conf";
  fs::remove(settings);
  append(settings, "");
  if (user.mode == RunAs::Mode::kOtherUser && lchown(settings.c_str(), user.uid, user.gid) != 0) {
    fail(fmt::format("cannot give '{}' to user {}", settings.string(), user.uid));
  }
  append(settings, postgres_settings({.memory = machine_memory(),
                                      .disk_free = free_bytes(home),
                                      .shared_memory = total_bytes("/dev/shm"),
                                      .has_lz4 = has_lz4(binaries, user, pgdata)}));
}

Postmaster::Postmaster(const fs::path& home, const PostgresBinaries& binaries, const RunAs& user,
                       const std::string& socket_dir)
    : pid_file_(home / "pgdata" / "postmaster.pid"), pid_(0) {
  // owner.lock proves that no process of an earlier server lives, whatever has its number now.
  fs::remove(pid_file_);
  pid_ = launch(user,
                {binaries.program("postgres"), "-D", (home / "pgdata").string(), "-c", "listen_addresses=", "-c",
                 "unix_socket_directories=" + socket_dir, "-c", "unix_socket_permissions=0700", "-c", "port=5432"},
                -1, true);
}

Postmaster::~Postmaster() {
  if (!ended()) stop();
}

bool Postmaster::wait_ready(const std::atomic<bool>& give_up) {
  while (!give_up && !ended()) {
    // The eighth line of postmaster.pid is "ready" when connections are taken.
    std::ifstream file(pid_file_);
    std::string line;
    int number = 0;
    while (number < 8 && std::getline(file, line)) ++number;
    if (number == 8 && line.starts_with("ready")) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return false;
}

bool Postmaster::ended() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ <= 0;
}

bool Postmaster::wait_end(milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!ended()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

void Postmaster::stop() {
  constexpr std::chrono::minutes kFast{1};
  constexpr std::chrono::seconds kImmediate{10};
  if (!ended()) kill(pid_, SIGINT);
  if (wait_end(kFast)) return;
  quit();
  if (wait_end(kImmediate)) return;
  kill(pid_, SIGKILL);
  wait_end(kImmediate);
}

void Postmaster::reload() const {
  if (const pid_t pid = pid_; pid > 0) kill(pid, SIGHUP);
}

void Postmaster::quit() const {
  if (const pid_t pid = pid_; pid > 0) kill(pid, SIGQUIT);
}

}  // namespace intarsia
