// SPDX-License-Identifier: Apache-2.0
#include "exec/threads.h"

#include <atomic>
#include <exception>
#include <memory>

namespace intarsia {

struct Threads::Job {
  const std::function<void(int)>* work;
  int parts;
  std::atomic<int> next{0};
  std::mutex mutex;
  std::condition_variable done;
  int finished = 0;
  std::exception_ptr failure;

  void help() {
    for (int part = next++; part < parts; part = next++) {
      std::exception_ptr thrown;
      try {
        (*work)(part);
      } catch (...) {
        thrown = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      if (thrown != nullptr && failure == nullptr) failure = thrown;
      if (++finished == parts) done.notify_all();
    }
  }
};

Threads::Threads(int count)
    : count_(count > 0 ? count : std::max(1U, std::thread::hardware_concurrency())), after_fork_([this] { renew(); }) {}

Threads::~Threads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Threads::start() {
  for (int i = static_cast<int>(threads_.size()) + 1; i < count_; ++i) threads_.emplace_back([this] { run(); });
}

void Threads::renew() {
  new (&wake_) std::condition_variable;
  new std::vector<std::thread>(std::move(threads_));  // are not there: to be neither joined nor detached
  threads_.clear();
  jobs_.clear();
}

void Threads::run() {
  std::unique_lock lock(mutex_.native());
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    const std::shared_ptr<Job> job = jobs_.front();
    if (job->next >= job->parts) {
      jobs_.pop_front();
      continue;
    }
    lock.unlock();
    job->help();
    lock.lock();
  }
}

void Threads::for_each(int parts, const std::function<void(int part)>& work) {
  if (parts == 1 || count_ == 1) {
    for (int part = 0; part < parts; ++part) work(part);
    return;
  }
  const auto job = std::make_shared<Job>();
  job->work = &work;
  job->parts = parts;
  {
    const std::lock_guard lock(mutex_);
    start();
    jobs_.push_back(job);
  }
  wake_.notify_all();
  job->help();
  std::unique_lock lock(job->mutex);
  job->done.wait(lock, [&] { return job->finished == job->parts; });
  if (job->failure != nullptr) std::rethrow_exception(job->failure);
}

}  // namespace intarsia
