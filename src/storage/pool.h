// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/connection.h"
#include "storage/fork.h"
#include "storage/seats.h"

namespace intarsia {

struct PoolLimits {
  int size = 16;                               ///< threads that have sessions at once
  std::chrono::seconds patience{60};           ///< of a thread that waits for one
  std::chrono::seconds most_idle{120};         ///< after which a session that nobody uses is closed
  std::chrono::seconds retry{30};              ///< of a thread whose server is not there
  std::function<void()> check_interrupt = {};  ///< asked while a thread waits
  std::chrono::seconds lock_timeout{0};        ///< of a statement that waits for a lock; 0: it waits for ever
};

/// Sessions of one server. Thread-safe. A forked child starts with none.
class Pool {
 public:
  /// `connect` gives the connection string; it is asked again after a failure, since the server may have moved.
  explicit Pool(std::function<std::string()> connect, PoolLimits limits = {});
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A session; goes back when the pointer goes away, if it is still healthy.
  using Lease = std::unique_ptr<Connection, std::function<void(Connection*)>>;
  /// Waits while too many threads have one: see seats.h.
  [[nodiscard]] Lease take();
  /// A session that an operation holds as long as it lives (its announcement, a claim), and so beyond the limit: never
  /// waits.
  [[nodiscard]] Lease take_aside();
  [[nodiscard]] Seats& seats() { return *seats_; }

 private:
  struct Idle {
    std::unique_ptr<Connection> session;
    std::chrono::steady_clock::time_point since;
  };

  [[nodiscard]] Lease lease(Seats::SeatPtr seat);
  [[nodiscard]] std::unique_ptr<Connection> idle_session();
  [[nodiscard]] std::unique_ptr<Connection> new_session();
  [[nodiscard]] std::unique_ptr<Connection> open_session(const std::string& conninfo) const;
  [[nodiscard]] std::string conninfo(bool ask_again);
  void give_back(std::unique_ptr<Connection> session);
  void close_idle();
  void renew();

  std::function<std::string()> connect_;
  PoolLimits limits_;
  std::shared_ptr<Seats> seats_;
  std::mutex asking_;  // one thread starts the server; the others wait for what it hears
  ForkMutex<> mutex_;
  std::condition_variable wake_;
  std::vector<Idle> idle_;  // the longest first
  std::string conninfo_;
  bool closing_ = false;  // the thread is at work
  bool ending_ = false;
  std::thread closer_;
  AfterFork after_fork_;
};

}  // namespace intarsia
