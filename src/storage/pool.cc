// SPDX-License-Identifier: Apache-2.0
#include "storage/pool.h"

#include <unistd.h>

#include <chrono>
#include <thread>

#include "intarsia/error.h"

namespace intarsia {

namespace {

constexpr std::size_t kMostIdle = 16;
constexpr int kMostAttempts = 40;
constexpr auto kPause = std::chrono::milliseconds(50);

// Names lists explicitly and keeps nothing open for long: a session that is idle in a transaction would stop vacuum.
constexpr const char* kSessionSettings =
    "set search_path = intarsia, public; set client_min_messages = warning; "
    "set idle_in_transaction_session_timeout = '60s'; set bytea_output = 'hex'; set timezone = 'UTC'";

std::unique_ptr<Connection> open_session(const std::string& conninfo) {
  auto session = std::make_unique<Connection>(conninfo);
  session->run(kSessionSettings);
  return session;
}

}  // namespace

Pool::~Pool() {
  if (process_ != getpid())
    for (auto& session : idle_) session->abandon();
}

Pool::Lease Pool::take() {
  const auto give_back = [this](Connection* session) { this->give_back(session); };
  std::string conninfo;
  {
    const std::lock_guard lock(mutex_);
    if (process_ != getpid()) {  // first use, or a forked child
      for (auto& session : idle_) session->abandon();
      idle_.clear();
      conninfo_.clear();
      process_ = getpid();
    }
    while (!idle_.empty()) {
      std::unique_ptr<Connection> session = std::move(idle_.back());
      idle_.pop_back();
      if (session->still_there()) return Lease(session.release(), give_back);
    }
    if (conninfo_.empty()) conninfo_ = connect_();
    conninfo = conninfo_;
  }
  for (int attempt = 0;; ++attempt) {
    try {
      return Lease(open_session(conninfo).release(), give_back);
    } catch (const Error& error) {
      if (!error.retriable() || attempt == kMostAttempts) throw;
    }
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    const std::lock_guard lock(mutex_);
    conninfo = conninfo_ = connect_();  // the server ended, is ending, or started again elsewhere
  }
}

void Pool::give_back(Connection* connection) {
  std::unique_ptr<Connection> session(connection);
  const std::lock_guard lock(mutex_);
  if (process_ != getpid()) return session->abandon();
  if (session->healthy() && idle_.size() < kMostIdle) idle_.push_back(std::move(session));
}

void Pool::clear() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

}  // namespace intarsia
