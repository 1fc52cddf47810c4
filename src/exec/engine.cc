// SPDX-License-Identifier: Apache-2.0
#include "exec/engine.h"

#include <algorithm>
#include <iostream>

#include "catalog/schema.h"
#include "server/server.h"
#include "storage/lock_wait.h"
#include "storage/statement_watch.h"
#include "telemetry/log.h"

namespace intarsia {

namespace {

PoolLimits pool_limits(const Config& config, std::function<void()> check_interrupt) {
  return {config.pool_size,
          std::chrono::seconds(config.pool_timeout_seconds),
          std::chrono::seconds(config.pool_idle_seconds),
          std::chrono::seconds(config.db_retry_seconds),
          std::move(check_interrupt),
          std::chrono::seconds(config.lock_timeout_seconds)};
}

std::function<void(const std::string&)> show_message(int verbosity) {
  if (verbosity == 0) return nullptr;
  return [](const std::string& message) { std::cerr << message << std::endl; };
}

}  // namespace

Engine::Engine(Config config)
    : config_(std::move(config)),
      memory_(std::make_shared<MemoryBudget>(config_.memory_limit)),
      pool_([config = config_] { return ensure_server(config); }, pool_limits(config_, [this] { check_interrupt(); })),
      threads_(config_.threads),
      trees_(pool_),
      results_(pool_, config_.results_limit),
      media_store_(config_.home / "media"),
      after_fork_([memory = memory_] { memory->forget_holders(); }) {
  open_log(config_);
  set_slow_sql(std::chrono::milliseconds(config_.slow_sql_ms));
  watch_locks(nullptr);
  ensure_catalog(*pool_.take());
}

void Engine::watch_locks(std::function<void()> check) const {
  set_lock_wait_observer(
      {std::move(check), show_message(config_.verbosity), std::chrono::seconds(config_.lock_timeout_seconds)});
}

std::unique_ptr<RowStore> Engine::new_row_store() {
  constexpr std::int64_t kMost = 64 << 20;
  return std::make_unique<RowStore>(config_.home / "spool", memory_, std::min(kMost, memory_->limit() / 8));
}

void Engine::set_progress(std::function<void(const Progress&)> observer) {
  const std::lock_guard lock(mutex_);
  progress_ = std::move(observer);
}

void Engine::set_interrupt_check(std::function<void()> check) {
  watch_locks(check);
  const std::lock_guard lock(mutex_);
  interrupt_check_ = std::move(check);
}

std::function<void(const Progress&)> Engine::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

void Engine::check_interrupt() const {
  std::function<void()> check;
  {
    const std::lock_guard lock(mutex_);
    check = interrupt_check_;
  }
  if (check) check();
}

void Engine::throw_schema_unsteady() {
  throw Error(ErrorCode::kConcurrentModification, "the table's schema changes faster than this operation can follow",
              {}, true);
}

}  // namespace intarsia
