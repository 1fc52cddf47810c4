// SPDX-License-Identifier: Apache-2.0
// For tests of what holds when something breaks.
#pragma once

#include <string_view>

namespace intarsia {

/// From now on the write points of this process (messages to the server, and files) are counted from 1, and at the
/// `nth` (0: at none) `action` happens: "kill" ends this process, "cut" breaks the session, "backend" kills the
/// server's process of the session, which makes the server recover, "fail" makes a file's writing fail. Where an action
/// means nothing, it happens at the next point where it does.
void arm_fault(std::string_view action, int nth);
/// Points passed since.
[[nodiscard]] int fault_points_passed();

}  // namespace intarsia
