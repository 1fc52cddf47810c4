// SPDX-License-Identifier: Apache-2.0
// fork() while other threads are inside the engine. The child has a copy of the memory and only the thread that forked,
// so what the others were changing must be whole at that moment, and what they waited for never comes.
#pragma once

#include <functional>
#include <mutex>
#include <new>

namespace intarsia {

/// Something that takes part in every fork of the process.
class ForkParticipant {
 public:
  ForkParticipant(const ForkParticipant&) = delete;
  ForkParticipant& operator=(const ForkParticipant&) = delete;

  virtual bool try_hold() { return true; }
  virtual void let_go() {}
  /// In the child, before any `after_fork`.
  virtual void renew() {}
  /// In the child, which has no other threads yet.
  virtual void after_fork() {}

 protected:
  ForkParticipant();
  virtual ~ForkParticipant();
};

/// A mutex that is free in a forked child, with what it guards whole. Held for moments only, and never while its holder
/// waits for anything.
template <typename Mutex = std::mutex>
class ForkMutex final : private ForkParticipant {
 public:
  void lock() { mutex_.lock(); }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }
  void lock_shared() { mutex_.lock_shared(); }
  void unlock_shared() { mutex_.unlock_shared(); }
  [[nodiscard]] Mutex& native() { return mutex_; }

 private:
  bool try_hold() override { return mutex_.try_lock(); }
  void let_go() override { mutex_.unlock(); }
  void renew() override { new (&mutex_) Mutex; }  // the old one may count waiters that are not there

  Mutex mutex_;
};

/// Calls a function in every forked child.
class AfterFork final : private ForkParticipant {
 public:
  explicit AfterFork(std::function<void()> call) : call_(std::move(call)) {}

 private:
  void after_fork() override { call_(); }
  std::function<void()> call_;
};

}  // namespace intarsia
