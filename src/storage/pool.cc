// SPDX-License-Identifier: Apache-2.0
#include "storage/pool.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>

#include "intarsia/error.h"
#include "storage/publish.h"
#include "telemetry/log.h"

namespace intarsia {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{10}, kLongestPause{500};

// Names lists explicitly and keeps nothing open for long: a session that is idle in a transaction would stop vacuum.
constexpr const char* kSessionSettings =
    "set search_path = intarsia, public; set client_min_messages = warning; "
    "set idle_in_transaction_session_timeout = '60s'; set bytea_output = 'hex'; set timezone = 'UTC'; "
    "set default_transaction_isolation = 'read committed'; set statement_timeout = 0; "
    "set idle_session_timeout = 0";

}  // namespace

Pool::Pool(std::function<std::string()> connect, PoolLimits limits)
    : connect_(std::move(connect)),
      limits_(std::move(limits)),
      seats_(std::make_shared<Seats>(limits_.size, limits_.patience, limits_.check_interrupt)),
      after_fork_([this] { renew(); }) {}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (closer_.joinable()) closer_.join();
}

void Pool::renew() {
  new (&asking_) std::mutex;
  new (&wake_) std::condition_variable;
  new std::thread(std::move(closer_));  // it is not there: to be neither joined nor detached, nor seen again
  closer_ = std::thread();
  closing_ = false;
  idle_.clear();
  conninfo_.clear();
}

std::unique_ptr<Connection> Pool::open_session(const std::string& conninfo) const {
  auto session = std::make_unique<Connection>(conninfo);
  session->run(fmt::format("{}; set lock_timeout = '{}s'; set application_name = {}", kSessionSettings,
                           limits_.lock_timeout.count(), quote_literal("intarsia " + client_name())));
  return session;
}

Pool::Lease Pool::take() {
  Seats::SeatPtr seat = seats_->of_this_thread();
  seats_->sit_down(*seat);
  return lease(std::move(seat));
}

Pool::Lease Pool::take_aside() {
  return lease(nullptr);
}

Pool::Lease Pool::lease(Seats::SeatPtr seat) {
  try {
    std::unique_ptr<Connection> session = idle_session();
    if (session == nullptr) session = new_session();
    return {session.release(), [this, seat](Connection* connection) {
              give_back(std::unique_ptr<Connection>(connection));
              if (seat) seats_->stand_up(*seat);
            }};
  } catch (...) {
    if (seat) seats_->stand_up(*seat);
    throw;
  }
}

std::unique_ptr<Connection> Pool::idle_session() {
  while (true) {
    std::unique_ptr<Connection> session;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) return nullptr;
      session = std::move(idle_.back().session);
      idle_.pop_back();
    }
    if (session->still_there()) return session;
    log(LogLevel::kWarning, "session.lost", "the server has ended a session of the pool; another one takes its place");
  }
}

std::unique_ptr<Connection> Pool::new_session() {
  const auto deadline = Clock::now() + limits_.retry;
  bool failed = false;
  for (milliseconds pause{0};; pause = std::min(2 * pause + kFirstPause, kLongestPause)) {
    try {
      // Asked again after a failure: the server ended, is ending, or started again elsewhere.
      auto session = open_session(conninfo(failed));
      log(failed ? LogLevel::kWarning : LogLevel::kDebug, "session.opened", "a session of the database was opened",
          {{"server_process", std::int64_t{PQbackendPID(session->native())}}});
      return session;
    } catch (const Error& error) {
      if (!failed)
        log(LogLevel::kWarning, "session.refused", "there is no session of the database to be had",
            {{"error", std::string(error.what())}, {"retriable", error.retriable()}});
      if (!error.retriable() || error.code() == ErrorCode::kInvalidState) throw;  // the latter: a standby
      if (Clock::now() > deadline)
        throw Error(error.code(),
                    fmt::format("{} (tried for {} s; db_retry_seconds)", error.what(), limits_.retry.count()),
                    error.detail(), true);
    }
    failed = true;
    if (limits_.check_interrupt) limits_.check_interrupt();
    std::this_thread::sleep_for(pause);
  }
}

std::string Pool::conninfo(bool ask_again) {
  const std::lock_guard asking(asking_);
  {
    const std::lock_guard lock(mutex_);
    if (!ask_again && !conninfo_.empty()) return conninfo_;
  }
  std::string found = connect_();
  const std::lock_guard lock(mutex_);
  return conninfo_ = std::move(found);
}

void Pool::give_back(std::unique_ptr<Connection> session) {
  if (!session->is_own()) return;
  if (!session->healthy())
    return log(LogLevel::kWarning, "session.lost", "a session of the database was lost, or left in a transaction");
  const std::lock_guard lock(mutex_);
  if (static_cast<int>(idle_.size()) >= limits_.size) return;
  idle_.push_back({std::move(session), Clock::now()});
  if (std::exchange(closing_, true)) return;
  if (closer_.joinable()) closer_.join();  // it has ended
  closer_ = std::thread([this] { close_idle(); });
}

/// A thread of its own, as long as there are idle sessions.
void Pool::close_idle() {
  std::unique_lock lock(mutex_.native());
  while (!idle_.empty() && !ending_) {
    const auto due = idle_.front().since + limits_.most_idle;
    if (Clock::now() < due) {
      wake_.wait_until(lock, due);
      continue;
    }
    std::unique_ptr<Connection> session = std::move(idle_.front().session);
    idle_.erase(idle_.begin());
    lock.unlock();
    session.reset();
    lock.lock();
  }
  closing_ = false;
}

}  // namespace intarsia
