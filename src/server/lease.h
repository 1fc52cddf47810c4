// SPDX-License-Identifier: Apache-2.0
// home/lease.json says which machine runs a server on the home's data, so that a second machine that mounts the same
// volume does not: {"owner": random, "host", "boot": the kernel's boot id, "pid", "time", "period": seconds}, padded to
// a fixed size and written in place, which needs no disk space. The owner renews it every period. A lease of another
// kernel counts as dead when it has not changed for three periods of its own, as watched here: clocks are not compared.
// Within one kernel home/owner.lock decides.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace intarsia {

class Lease {
 public:
  static constexpr std::chrono::seconds kPeriod{4};

  /// Takes the lease and keeps it renewed on a thread of its own. `on_lost` is called there, once, as soon as the file
  /// names another owner, is gone, or could not be renewed for two periods.
  /// Throws Error(kDatabaseUnavailable) naming the machine when another one has it.
  /// Requires: the caller holds owner.lock.
  Lease(const std::filesystem::path& home, std::function<void(const std::string& reason)> on_lost);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  /// Gives the lease back, unless it was lost.
  ~Lease();

 private:
  void wait_for_other();
  [[nodiscard]] std::string content() const;
  void write() const;
  [[nodiscard]] bool owned() const;
  void keep();

  std::filesystem::path path_;
  std::string owner_;
  std::function<void(const std::string&)> on_lost_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  bool lost_ = false;
  std::thread thread_;
};

}  // namespace intarsia
