// SPDX-License-Identifier: Apache-2.0
#include "storage/lock_wait.h"

#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "storage/fork.h"

namespace intarsia {

namespace {

using Clock = std::chrono::steady_clock;
using Session = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr int kPauseMilliseconds = 100;
constexpr auto kQuiet = std::chrono::seconds(1);

// What holds up a session. An operation that takes time has announced what it is.
constexpr const char* kHolders = R"sql(
select string_agg(coalesce((select string_agg(description, ' and ') from intarsia.activity
                            where 'intarsia ' || client = a.application_name) || ' of ', '')
                  || coalesce(nullif(a.application_name, ''), 'a client without a name') || ' (user ' || a.usename
                  || ', server process ' || a.pid || ', ' || a.state || ': ' || left(a.query, 60) || ')', '; ')
from pg_stat_activity a where a.pid = any(pg_blocking_pids($1)))sql";

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
std::string holders(PGconn* session) {
  const Session other = sibling(session);
  if (PQstatus(other.get()) != CONNECTION_OK) return {};
  const std::string pid = std::to_string(PQbackendPID(session));
  const char* const values[] = {pid.c_str()};
  const Result result(PQexecParams(other.get(), kHolders, 1, nullptr, values, nullptr, nullptr, 0), &PQclear);
  return PQresultStatus(result.get()) == PGRES_TUPLES_OK ? PQgetvalue(result.get(), 0, 0) : "";
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

void wait_for_result(pg_conn* session) {
  const auto begin = Clock::now();
  bool asked = false, waits = false;  // for a lock
  interruption = nullptr;
  while (PQstatus(session) == CONNECTION_OK && PQisBusy(session) != 0) {
    pollfd socket{PQsocket(session), POLLIN, 0};
    const int ready = poll(&socket, 1, kPauseMilliseconds);
    if (ready != 0) {
      if (ready > 0 && PQconsumeInput(session) == 0) return;
      continue;
    }
    if (Clock::now() - begin < kQuiet) continue;
    const LockWaitObserver observer = intarsia::observer();
    if (!asked) {
      asked = true;
      const std::string who = holders(session);
      waits = !who.empty();
      if (waits && observer.show_message) observer.show_message("waiting for a lock that is held by " + who);
    }
    if (!waits || interruption != nullptr || !observer.check_interrupt) continue;
    try {
      observer.check_interrupt();
    } catch (...) {
      interruption = std::current_exception();
      cancel(session);
    }
  }
}

void throw_interrupted() {
  if (interruption != nullptr) std::rethrow_exception(std::exchange(interruption, nullptr));
}

}  // namespace intarsia
