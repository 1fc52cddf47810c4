// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/connection.h"

namespace intarsia {

/// Idle sessions of one server. Thread-safe. A forked child starts with none.
class Pool {
 public:
  /// `connect` gives the connection string; it is asked again after a failure, since the server may have moved.
  explicit Pool(std::function<std::string()> connect) : connect_(std::move(connect)) {}
  ~Pool();

  /// A session; goes back when the pointer goes away, if it is still healthy.
  using Lease = std::unique_ptr<Connection, std::function<void(Connection*)>>;
  Lease take();
  /// Closes all idle sessions.
  void clear();

 private:
  void give_back(Connection* connection);

  std::function<std::string()> connect_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::string conninfo_;
  int process_ = 0;
};

}  // namespace intarsia
