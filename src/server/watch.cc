// SPDX-License-Identifier: Apache-2.0
#include "server/watch.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <memory>

#include "intarsia/config.h"
#include "intarsia/error.h"
#include "server/clients.h"
#include "server/disk_reserve.h"
#include "server/disk_space.h"
#include "server/lease.h"
#include "server/new_files.h"
#include "server/ownership.h"
#include "server/postmaster.h"
#include "server/socket_dir.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

void log(const std::string& text) {
  fmt::print(stderr, "{:%F %T} UTC [{}] intarsia-server: {}\n", fmt::gmtime(std::time(nullptr)), getpid(), text);
}

/// SIGTERM, SIGINT and SIGCHLD as a descriptor to be polled.
int signal_descriptor() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// Keeps the log below 32 MB: what is there becomes server.log.1.
void limit_log(const fs::path& log_file) {
  std::error_code ignored;
  if (fs::file_size(log_file, ignored) < (32U << 20) || ignored) return;
  fs::copy_file(log_file, log_file.string() + ".1", fs::copy_options::overwrite_existing, ignored);
  fs::resize_file(log_file, 0, ignored);
}

constexpr milliseconds kDiskTick{500};
constexpr std::int64_t kNeededToStart = 32LL << 20;

class Watch {
 public:
  explicit Watch(const Config& config)
      : config_(config), signals_(signal_descriptor()), lease_(config.home, [this](const std::string& reason) {
          log("lost the lease: " + reason + "; ending at once");
          lost_ = true;
          if (const Postmaster* postmaster = postmaster_.load()) postmaster->quit();
          kill(getpid(), SIGTERM);
          // Whatever the main thread is busy with, PostgreSQL follows this process.
          for (int waits = 0; waits < 1000 && !finished_; ++waits) usleep(10'000);
          if (!finished_) _exit(1);
        }) {}

  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { finished_ = true; }

  void run(const std::function<void(const std::string&)>& report) {
    const auto before = read_server_state(config_.home);
    if (before && lease_.taken_from_elsewhere()) foreign_socket_dir_ = before->socket_dir;
    remove_server_state(config_.home);  // of a server that is no more: the lease is ours
    finish_new_files(config_.home);
    const bool fresh = pgdata_version(config_.home) == 0;
    RunAs user;
    start(user);
    Postmaster postmaster(config_.home, binaries_, user, state_.socket_dir);
    postmaster_ = &postmaster;
    if (!postmaster.wait_ready(lost_)) fail_to_start();
    prepare_database(state_.conninfo("postgres"), state_.conninfo(), fresh);
    write_server_state(config_.home, state_);
    report("ready");
    loop(postmaster);
    if (lease_.owned()) remove_server_state(config_.home);
    postmaster.stop();
    postmaster_ = nullptr;
    remove_socket_dir(config_.home, state_.socket_dir);
  }

  [[nodiscard]] bool lost() const { return lost_; }

 private:
  void start(RunAs& user) {
    binaries_ = find_postgres(config_.postgres_bin, pgdata_version(config_.home));
    user = choose_user(config_.home / "pgdata");
    if (lease_.taken_from_elsewhere() && !is_of_one_kernel(config_.home)) give_new_files(config_.home, user);
    prepare_pgdata(config_.home, binaries_, user);
    static_cast<void>(reserve_.look());
    record_in_instance(config_.home, "postgres_runs", user.text());
    state_ = {.pid = getpid(),
              .socket_dir = make_socket_dir(config_.home, user, foreign_socket_dir_),
              .place = Place::here()};
    log(fmt::format("starting PostgreSQL {} of '{}' as {}, socket in '{}'", binaries_.major, binaries_.folder.string(),
                    user.text(), state_.socket_dir));
  }

  [[noreturn]] void fail_to_start() const {
    if (const std::int64_t free = free_bytes(config_.home); free < kNeededToStart)
      throw Error(
          ErrorCode::kDatabaseUnavailable,
          fmt::format("the disk of home '{}' is full: PostgreSQL needs about {} MB to start, and {} MB are free; "
                      "make room there",
                      config_.home.string(), kNeededToStart >> 20, free >> 20));
    throw Error(ErrorCode::kDatabaseUnavailable, "PostgreSQL ended at its start", {}, true);
  }

  /// A nearly full disk is no place for writes.
  void look_at_disk(const Postmaster& postmaster) {
    if (!reserve_.look()) return;
    postmaster.reload();
    log(reserve_.is_full() ? "the disk is nearly full: no writes until there is room" : "writes are taken again");
  }

  [[nodiscard]] milliseconds tick() const {
    if (config_.idle_seconds == 0) return std::chrono::seconds(5);
    return std::clamp(milliseconds(config_.idle_seconds * 1000 / 4), milliseconds(250), milliseconds(5000));
  }

  void loop(Postmaster& postmaster) {
    Clients clients(state_.conninfo());
    auto next = Clock::now();
    while (!postmaster.ended() && !asked_to_end()) {
      const auto left = std::chrono::duration_cast<milliseconds>(next - Clock::now());
      pollfd waits[] = {{.fd = signals_, .events = POLLIN, .revents = 0},
                        {.fd = clients.descriptor(), .events = POLLIN, .revents = 0}};
      if (left.count() > 0) poll(waits, 2, static_cast<int>(std::min(left, kDiskTick).count()));
      clients.listen();
      look_at_disk(postmaster);
      if (Clock::now() < next) continue;
      if (idle(clients) && really_idle(clients)) return log("ending: no client for idle_seconds");
      clients.ask();
      limit_log(config_.home / "logs" / "server.log");
      next = Clock::now() + tick();
    }
    log(postmaster.ended() ? "PostgreSQL ended by itself" : "ending: asked to");
  }

  [[nodiscard]] bool asked_to_end() const {
    signalfd_siginfo info{};
    bool asked = lost_;
    while (read(signals_, &info, sizeof info) == sizeof info) asked = asked || info.ssi_signo != SIGCHLD;
    return asked;
  }

  [[nodiscard]] bool idle(const Clients& clients) const {
    return config_.idle_seconds > 0 && Clock::now() - clients.last_seen() >= std::chrono::seconds(config_.idle_seconds);
  }

  /// Withdraws the address, so that no new client comes, and looks once more for one that had read it.
  bool really_idle(Clients& clients) const {
    if (!lease_.owned()) return true;
    remove_server_state(config_.home);
    usleep(200'000);
    clients.ask_and_wait();
    if (idle(clients)) return true;
    write_server_state(config_.home, state_);
    return false;
  }

  const Config& config_;
  int signals_;
  std::atomic<bool> lost_{false};
  std::atomic<bool> finished_{false};
  std::atomic<const Postmaster*> postmaster_{nullptr};
  PostgresBinaries binaries_;
  ServerState state_;
  std::string foreign_socket_dir_;  ///< of the server that the lease was taken from; it may wake and remove its socket
  DiskReserve reserve_{config_.home};
  Lease lease_;
};

}  // namespace

int watch_server(const Config& config, const std::function<void(const std::string&)>& report) {
  try {
    auto owner = take_ownership(config.home);
    if (!owner) {
      report("ready");
      return 0;
    }
    owner->inherit();
    Watch watch(config);
    watch.run(report);
    return watch.lost() ? 1 : 0;
  } catch (const Error& error) {
    log(error.what());
    report(fmt::format("{}{}", error.retriable() ? kTryAgain : "", error.what()));
    return 1;
  } catch (const std::exception& error) {
    log(error.what());
    report(error.what());
    return 1;
  }
}

}  // namespace intarsia
