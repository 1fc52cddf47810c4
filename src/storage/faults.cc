// SPDX-License-Identifier: Apache-2.0
#include "storage/faults.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>

#include "intarsia/testing.h"

namespace intarsia {

namespace {

enum class Action { kNone, kKill, kCut, kBackend, kPostmaster, kQuit, kServer, kFail };

struct NamedAction {
  std::string_view name;
  Action action;
};
constexpr std::array kActions{
    NamedAction{"kill", Action::kKill},     NamedAction{"cut", Action::kCut},
    NamedAction{"fail", Action::kFail},     NamedAction{"backend", Action::kBackend},
    NamedAction{"quit", Action::kQuit},     NamedAction{"postmaster", Action::kPostmaster},
    NamedAction{"server", Action::kServer},
};

std::atomic<Action> armed{Action::kNone};
std::atomic<bool> counting{false};
std::atomic<int> passed{0};
std::atomic<int> due{0};

/// Counts; gives the action when it is time for it and `fits`.
template <typename Fits>
Action pass(const Fits& fits) {
  if (!counting) return Action::kNone;
  const int now = ++passed;
  const Action action = armed;
  if (action == Action::kNone || now < due || !fits(action)) return Action::kNone;
  armed = Action::kNone;
  return action;
}

pid_t parent_of(pid_t process) {
  std::ifstream stat(fmt::format("/proc/{}/stat", process));
  std::string text(std::istreambuf_iterator<char>(stat), {});
  const std::size_t name_end = text.rfind(')');  // then the state, then the parent
  return name_end == std::string::npos ? 0 : std::atoi(text.c_str() + name_end + 4);
}

void signal_process(pid_t process, int number) {
  if (process > 1) kill(process, number);
}

void act(Action action, pg_conn* session) {
  if (action == Action::kNone || action == Action::kFail) return;
  PQflush(session);  // what was sent before has arrived
  const pid_t backend = PQbackendPID(session);
  if (action == Action::kKill) kill(getpid(), SIGKILL);
  if (action == Action::kCut) shutdown(PQsocket(session), SHUT_RDWR);
  if (action == Action::kBackend) signal_process(backend, SIGKILL);
  if (action == Action::kQuit) signal_process(parent_of(backend), SIGQUIT);
  if (action == Action::kPostmaster) signal_process(parent_of(backend), SIGKILL);
  if (action == Action::kServer) signal_process(parent_of(parent_of(backend)), SIGKILL);
}

}  // namespace

void arm_fault(std::string_view action, int nth) {
  passed = 0;
  due = nth;
  armed = Action::kNone;
  if (nth > 0)
    for (const NamedAction& known : kActions)
      if (known.name == action) armed = known.action;
  counting = true;
}

int fault_points_passed() {
  return passed;
}

bool pass_sending_point(pg_conn* session, std::string_view sql) {
  const Action action = pass([&](Action a) { return a != Action::kFail || !sql.starts_with("rollback"); });
  act(action, session);
  return action != Action::kFail;
}

void pass_answer_point(pg_conn* session) {
  act(pass([](Action a) { return a != Action::kFail; }), session);
}

bool pass_file_point() {
  const Action action = pass([](Action a) { return a == Action::kKill || a == Action::kFail; });
  if (action == Action::kKill) kill(getpid(), SIGKILL);
  if (action == Action::kFail) errno = ENOSPC;
  return action != Action::kFail;
}

}  // namespace intarsia
