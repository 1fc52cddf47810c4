// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace intarsia {

struct Config;

/// What a report begins with when the same start may succeed a moment later.
inline constexpr std::string_view kTryAgain = "try again: ";

/// Starts the server of config.home and watches it until it is to end: SIGTERM or SIGINT came, no client was there for
/// config.idle_seconds, PostgreSQL ended, or the lease was lost. `report` gets "ready" once, or the reason why there is
/// no server. Returns the exit status.
int watch_server(const Config& config, const std::function<void(const std::string&)>& report);

}  // namespace intarsia
