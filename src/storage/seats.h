// SPDX-License-Identifier: Apache-2.0
// A limit of sessions must not make operations wait for each other in a circle, so it counts seats: a thread takes one
// with its first session, gets further ones without waiting, and stands up when it has given the last one back. Threads
// that work for an operation share its seat, and an operation that calls a user's function is away from it meanwhile.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>

#include "storage/fork.h"

namespace intarsia {

/// The seats of one pool. Thread-safe; all of them are free in a forked child.
class Seats : public std::enable_shared_from_this<Seats> {
 public:
  /// `check_interrupt` is asked while a thread waits.
  Seats(int count, std::chrono::seconds patience, std::function<void()> check_interrupt);

  class Seat;
  using SeatPtr = std::shared_ptr<Seat>;
  [[nodiscard]] SeatPtr of_this_thread();
  /// For one session more. Throws Error(kDatabaseUnavailable) that names `pool_size` when its patience is at an end.
  void sit_down(Seat& seat);
  void stand_up(Seat& seat);

  /// While it is there, the calling thread shares the seat of another.
  class Sharing {
   public:
    explicit Sharing(SeatPtr seat);
    ~Sharing();
    Sharing(const Sharing&) = delete;
    Sharing& operator=(const Sharing&) = delete;

   private:
    SeatPtr own_;
  };
  /// While it is there, the calling thread runs code that may wait for other threads, which may need seats.
  class Away {
   public:
    Away();
    ~Away();
    Away(const Away&) = delete;
    Away& operator=(const Away&) = delete;
  };

 private:
  void leave(Seat& seat);
  void come_back(Seat& seat);

  int count_;
  std::chrono::seconds patience_;
  std::function<void()> check_interrupt_;
  ForkMutex<> mutex_;
  std::condition_variable freed_;
  int taken_ = 0;
  AfterFork after_fork_;
};

}  // namespace intarsia
