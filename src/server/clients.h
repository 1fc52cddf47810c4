// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

struct pg_conn;

namespace intarsia {

/// Makes the database `intarsia` and the extension `vector` where they are missing and the server can.
/// `server_conninfo` names a database that is there; `fresh`: `intarsia` surely is not. Throws
/// Error(kDatabaseUnavailable).
void prepare_database(const std::string& server_conninfo, const std::string& conninfo, bool fresh);

/// Notices whether clients use the server, through one connection that never blocks the caller.
class Clients {
 public:
  explicit Clients(std::string conninfo);
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;
  ~Clients();

  /// Sends the question, unless one is under way.
  void ask();
  /// Takes the answer if it is there.
  void listen();
  /// Asks and waits for the answer, at most a second.
  void ask_and_wait();
  /// To be polled for reading; -1: none.
  [[nodiscard]] int descriptor() const;
  /// Since when there has been no client.
  [[nodiscard]] std::chrono::steady_clock::time_point last_seen() const { return last_seen_; }

 private:
  void disconnect();

  std::string conninfo_;
  pg_conn* connection_ = nullptr;
  bool asked_ = false;
  std::string sessions_;  ///< how many sessions the server had had by the last answer
  std::chrono::steady_clock::time_point last_seen_ = std::chrono::steady_clock::now();
};

}  // namespace intarsia
