// SPDX-License-Identifier: Apache-2.0
// home/lease.json says which machine or container runs a server on the home's data, so that a second one that mounts
// the same volume does not. The owner renews it every period. A lease of another kernel counts as dead when it has not
// changed for three periods of its own, as watched here: clocks are not compared. Within one kernel home/owner.lock
// decides; between PID namespaces only on a file system whose locks surely reach all of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "server/lease_file.h"

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

  /// Whether nobody took it meanwhile.
  [[nodiscard]] bool owned() const;
  /// Whether the one who had it before may live on, unseen, and have files open.
  [[nodiscard]] bool taken_from_elsewhere() const { return taken_from_elsewhere_; }

 private:
  /// Whether it was left to expire, and not given back. Throws when it is renewed.
  [[nodiscard]] bool expires(const LeaseFile& other) const;
  void write() const;
  void keep();

  std::filesystem::path home_;
  std::string owner_;
  bool taken_from_elsewhere_ = false;
  std::function<void(const std::string&)> on_lost_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  bool lost_ = false;
  std::thread thread_;
};

}  // namespace intarsia
