// SPDX-License-Identifier: Apache-2.0
#include "storage/faults.h"

#include <libpq-fe.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "intarsia/testing.h"

namespace intarsia {

namespace {

enum class Action { kNone, kKill, kCut, kBackend, kFail };

std::atomic<Action> armed{Action::kNone};
std::atomic<bool> counting{false};
std::atomic<int> passed{0};
std::atomic<int> due{0};

Action action_named(std::string_view name) {
  if (name == "kill") return Action::kKill;
  if (name == "cut") return Action::kCut;
  if (name == "backend") return Action::kBackend;
  return name == "fail" ? Action::kFail : Action::kNone;
}

/// Counts; gives the action when it is time for it and `fits`.
Action pass(bool (*fits)(Action)) {
  if (!counting) return Action::kNone;
  const int now = ++passed;
  const Action action = armed;
  if (action == Action::kNone || now < due || !fits(action)) return Action::kNone;
  armed = Action::kNone;
  if (action == Action::kKill) kill(getpid(), SIGKILL);
  return action;
}

}  // namespace

void arm_fault(std::string_view action, int nth) {
  passed = 0;
  due = nth;
  armed = nth > 0 ? action_named(action) : Action::kNone;
  counting = true;
}

int fault_points_passed() {
  return passed;
}

void pass_sql_point(pg_conn* session) {
  const Action action = pass([](Action a) { return a != Action::kFail; });
  if (action == Action::kCut) shutdown(PQsocket(session), SHUT_RDWR);
  if (action == Action::kBackend) kill(PQbackendPID(session), SIGKILL);
}

bool pass_file_point() {
  return pass([](Action a) { return a == Action::kKill || a == Action::kFail; }) != Action::kFail;
}

}  // namespace intarsia
