// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace intarsia::limits {

/// Runs `setup` (not timed) and `work` (timed) three times and prints the fastest run as one line of JSON:
/// {"name", "seconds", "n", "per_second"}. `work` returns n, the number of things done.
void measure(
    std::string_view name, const std::function<std::int64_t()>& work, const std::function<void()>& setup = [] {});

}  // namespace intarsia::limits
