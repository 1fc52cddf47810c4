// SPDX-License-Identifier: Apache-2.0
// For tests of what holds when something breaks.
#pragma once

#include <cstdint>
#include <string_view>

namespace intarsia {

/// From now on the write points of this process are counted from 1: each statement before it is sent and after it was
/// answered (also the statements of a pipeline, one by one), and each file. At the `nth` (0: at none) `action` happens:
///
/// - "kill" ends this process.
/// - "cut" breaks the session.
/// - "backend" kills the server's process of the session, which makes the server recover.
/// - "postmaster" kills PostgreSQL's first process; "quit" makes it end without a checkpoint.
/// - "server" kills the parent of that, intarsia-server.
/// - "fail" makes the writing of a file, or a statement, fail for want of space.
///
/// Where an action means nothing, it happens at the next point where it does.
void arm_fault(std::string_view action, int nth);
/// Points passed since.
[[nodiscard]] int fault_points_passed();

}  // namespace intarsia
