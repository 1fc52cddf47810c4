// SPDX-License-Identifier: Apache-2.0
// Waiting for PostgreSQL. What only reads can be interrupted at any time, what writes while it waits for a lock; who
// has that lock is said after a second.
#pragma once

#include <chrono>
#include <functional>
#include <string>

struct pg_conn;

namespace intarsia {

struct LockWaitObserver {
  std::function<void()> check_interrupt;                 ///< what it throws ends the statement
  std::function<void(const std::string&)> show_message;  ///< null: silent
  std::chrono::seconds lock_timeout{0};                  ///< of the sessions; 0: none
};
/// For all sessions of this process: the latest counts.
void set_lock_wait_observer(LockWaitObserver observer);

enum class Waits { kToRead, kToWrite };

/// Before a statement is waited for: nothing interrupted it yet, and nobody is in its way.
void begin_waiting() noexcept;
/// Waits until PQgetResult will not block. Of a wait that was interrupted the statement is cancelled, and the exception
/// is thrown by throw_interrupted() once its result has been taken.
void wait_for_result(pg_conn* session, Waits waits);
/// PQgetCopyData with such waits.
int copy_data(pg_conn* session, char** buffer);
/// Throws what interrupted a wait of this thread since begin_waiting(), if anything did and was not thrown yet.
void throw_interrupted();
/// The statement was done before the interrupt reached it. True: there was one.
bool forget_interruption() noexcept;

/// Who had the lock that this thread waited for last, in words; empty: nobody, or the wait was short.
[[nodiscard]] std::string last_lock_holders();

}  // namespace intarsia
