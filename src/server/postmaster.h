// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>

#include "server/postgres_binaries.h"
#include "server/run_as.h"

namespace intarsia {

/// Makes home/pgdata by initdb if there is none; an interrupted attempt leaves none. Writes the settings that fit this
/// machine. Throws Error(kDatabaseUnavailable) with initdb's words.
void prepare_pgdata(const std::filesystem::path& home, const PostgresBinaries& binaries, const RunAs& user);

/// The major version that home/pgdata needs, 0 when there is none.
[[nodiscard]] int pgdata_version(const std::filesystem::path& home);

/// A running PostgreSQL, our child.
class Postmaster {
 public:
  /// Starts it. Requires: nobody else uses pgdata (owner.lock and the lease are held); called by the main thread.
  Postmaster(const std::filesystem::path& home, const PostgresBinaries& binaries, const RunAs& user,
             const std::string& socket_dir);
  Postmaster(const Postmaster&) = delete;
  Postmaster& operator=(const Postmaster&) = delete;
  ~Postmaster();

  /// Waits until it takes connections, as long as recovery lasts. False when it ended instead, or `give_up` became
  /// true.
  bool wait_ready(const std::atomic<bool>& give_up);
  /// Whether it has ended; collects the child.
  bool ended();
  /// Cuts clients off, writes what is in memory, ends. Falls back to an end without that after a minute.
  void stop();
  /// Lets it read its settings again.
  void reload() const;
  /// Ends within seconds, at the price of recovery at the next start. May be called on any thread.
  void quit() const;

 private:
  bool wait_end(std::chrono::milliseconds patience);

  std::filesystem::path pid_file_;
  std::atomic<pid_t> pid_;
};

}  // namespace intarsia
