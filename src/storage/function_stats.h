// SPDX-License-Identifier: Apache-2.0
// The SQL table `function_stats`: what calls of functions came to in all processes of an instance.
#pragma once

#include <vector>

#include "intarsia/telemetry.h"
#include "storage/connection.h"

namespace intarsia {

/// Adds what this process counted since the last time. It never fails an operation: what could not be added is added
/// the next time.
void add_function_stats(Connection& connection) noexcept;
/// Of the instance, by name.
[[nodiscard]] std::vector<FunctionStats> read_function_stats(Connection& connection);

}  // namespace intarsia
