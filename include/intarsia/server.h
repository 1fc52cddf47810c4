// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "intarsia/config.h"

namespace intarsia {

/// The server of an instance, as it can be seen without a connection.
struct ServerStatus {
  bool external = false;  ///< db_url says where; nothing more is known here
  bool running = false;   ///< of the home's own server
  std::int64_t pid = 0;   ///< of intarsia-server, which watches PostgreSQL
  double uptime_seconds = 0;
};
/// Never starts anything.
[[nodiscard]] ServerStatus server_status(const Config& config);

/// Ends the home's server and waits until it is gone; connected clients are cut off, committed data is safe. Returns
/// whether one was running. Does nothing to an external server. Throws Error(kDatabaseUnavailable).
bool stop_server(const Config& config);

/// An instance, as its database tells.
struct InstanceStatus {
  std::string server_version;    ///< "18.1"
  std::int64_t size_bytes = 0;   ///< of the database, media not counted
  std::int64_t connections = 0;  ///< sessions of all clients
  std::int64_t directories = 0;
  std::int64_t tables = 0;
  std::int64_t views = 0;
};

}  // namespace intarsia
