// SPDX-License-Identifier: Apache-2.0
#include "storage/lock_wait.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "storage/fork.h"
#include "storage/statement_text.h"
#include "telemetry/log.h"

namespace intarsia {

namespace {

using Clock = std::chrono::steady_clock;
using Session = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr int kPauseMilliseconds = 100;
constexpr auto kQuiet = std::chrono::seconds(1);

// What holds up a session: a line each. An operation that takes time has announced what it is.
constexpr const char* kHolders = R"sql(
select coalesce((select string_agg(description, ' and ') from intarsia.activity
                 where 'intarsia ' || client = a.application_name) || ' of ', '')
       || coalesce(nullif(a.application_name, ''), 'a client without a name') || ' (user ' || a.usename
       || ', server process ' || a.pid || ', ' || coalesce(a.state, 'of unknown state') || ': ', left(a.query, 60)
from pg_stat_activity a where a.pid = any(pg_blocking_pids($1)))sql";

/// In words: with what they do now, and the same without values of cells.
struct Holders {
  std::string full;
  std::string without_values;
};

struct Shared {
  ForkMutex<> mutex;
  LockWaitObserver observer;
};

Shared& shared() {
  static Shared* const instance = new Shared;
  return *instance;
}

LockWaitObserver observer() {
  const std::lock_guard lock(shared().mutex);
  return shared().observer;
}

thread_local std::exception_ptr interruption;
thread_local std::string last_holders;

/// A session like this one.
Session sibling(PGconn* session) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(session), &PQconninfoFree);
  std::vector<const char*> names, values;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    names.push_back(option->keyword);
    values.push_back(option->val);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return {PQconnectdbParams(names.data(), values.data(), 0), &PQfinish};
}

/// Empty: nobody, or it cannot be known.
Holders holders_of(PGconn* session) {
  Holders holders;
  const Session other = sibling(session);
  if (PQstatus(other.get()) != CONNECTION_OK) return holders;
  const std::string pid = std::to_string(PQbackendPID(session));
  const char* const values[] = {pid.c_str()};
  const Result result(PQexecParams(other.get(), kHolders, 1, nullptr, values, nullptr, nullptr, 0), &PQclear);
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    const std::string separator = row == 0 ? "" : "; ";
    const std::string who = PQgetvalue(result.get(), row, 0), query = PQgetvalue(result.get(), row, 1);
    holders.full += separator + who + query + ")";
    holders.without_values += separator + who + without_values(query) + ")";
  }
  return holders;
}

void cancel(PGconn* session) {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> handle(PQgetCancel(session), &PQfreeCancel);
  char message[256];
  if (handle != nullptr) PQcancel(handle.get(), message, sizeof(message));
}

}  // namespace

void set_lock_wait_observer(LockWaitObserver observer) {
  const std::lock_guard lock(shared().mutex);
  shared().observer = std::move(observer);
}

namespace {

/// One wait for an answer.
class Wait {
 public:
  Wait(PGconn* session, Waits waits) : session_(session), waits_(waits) {}

  /// Until something came, or for a moment. False: there is nothing more to come.
  bool once() {
    if (PQstatus(session_) != CONNECTION_OK) return false;
    pollfd socket{PQsocket(session_), POLLIN, 0};
    const int ready = poll(&socket, 1, kPauseMilliseconds);
    if (ready > 0) return PQconsumeInput(session_) != 0;
    if (ready == 0) look_around();
    return true;
  }

 private:
  void look_around() {
    if (interruption != nullptr) return;
    const LockWaitObserver observer = intarsia::observer();
    if (!asked_ && Clock::now() - begin_ >= quiet_time(observer)) ask(observer);
    if ((waits_ == Waits::kToWrite && last_holders.empty()) || !observer.check_interrupt) return;
    try {
      observer.check_interrupt();
    } catch (...) {
      interruption = std::current_exception();
      cancel(session_);
    }
  }

  /// The server ends a wait at the timeout: then it is too late to ask.
  static Clock::duration quiet_time(const LockWaitObserver& observer) {
    using std::chrono::milliseconds;
    const milliseconds limit = observer.lock_timeout;
    return limit.count() == 0 ? milliseconds(kQuiet) : std::min(milliseconds(kQuiet), limit / 2);
  }

  void ask(const LockWaitObserver& observer) {
    asked_ = true;
    const Holders holders = holders_of(session_);
    if (holders.full.empty()) return;
    last_holders = holders.full;
    log(LogLevel::kWarning, "lock.wait", "waits for a lock that is held by " + holders.without_values);
    if (observer.show_message) observer.show_message("waiting for a lock that is held by " + holders.full);
  }

  PGconn* session_;
  Waits waits_;
  Clock::time_point begin_ = Clock::now();
  bool asked_ = false;
};

}  // namespace

void begin_waiting() noexcept {
  interruption = nullptr;
  last_holders.clear();
}

void wait_for_result(pg_conn* session, Waits waits) {
  Wait wait(session, waits);
  while (PQisBusy(session) != 0 && wait.once()) {
  }
}

int copy_data(pg_conn* session, char** buffer) {
  int length = PQgetCopyData(session, buffer, 1);
  if (length != 0) return length;
  Wait wait(session, Waits::kToRead);
  while (length == 0 && wait.once()) length = PQgetCopyData(session, buffer, 1);
  return length == 0 ? -2 : length;  // as PQgetCopyData says it
}

void throw_interrupted() {
  if (interruption != nullptr) std::rethrow_exception(std::exchange(interruption, nullptr));
}

bool forget_interruption() noexcept {
  return std::exchange(interruption, nullptr) != nullptr;
}

std::string last_lock_holders() {
  return last_holders;
}

}  // namespace intarsia
