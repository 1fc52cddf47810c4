// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/fork.h"

namespace intarsia {

/// Threads that share the rows of a batch. They start at first use, again in a forked child, and never touch Python.
class Threads {
 public:
  /// `count` 0: one per core.
  explicit Threads(int count);
  ~Threads();

  [[nodiscard]] int count() const { return count_; }
  /// Calls `work(0)` ... `work(parts - 1)`, also on the calling thread, and returns when all are done. The first
  /// exception is rethrown.
  void for_each(int parts, const std::function<void(int part)>& work);

 private:
  struct Job;
  void start();
  void renew();
  void run();

  int count_;
  bool stopping_ = false;
  ForkMutex<> mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> jobs_;
  std::vector<std::thread> threads_;
  AfterFork after_fork_;
};

}  // namespace intarsia
