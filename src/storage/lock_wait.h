// SPDX-License-Identifier: Apache-2.0
// A statement that waits for a lock: who has it is said after a second, and the wait can be interrupted.
#pragma once

#include <functional>
#include <string>

struct pg_conn;

namespace intarsia {

struct LockWaitObserver {
  std::function<void()> check_interrupt;                 ///< what it throws ends the statement
  std::function<void(const std::string&)> show_message;  ///< null: silent
};
/// For all sessions of this process: the latest counts.
void set_lock_wait_observer(LockWaitObserver observer);

/// Waits until PQgetResult will not block. Of a wait that was interrupted the statement is cancelled, and the exception
/// is thrown by throw_interrupted() once its result has been taken.
void wait_for_result(pg_conn* session);
/// Throws what interrupted a wait of this thread, if anything did.
void throw_interrupted();

}  // namespace intarsia
