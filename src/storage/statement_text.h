// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace intarsia {

/// SQL text for logs and traces: literals are `?`, names and $1 stay; at most 4,000 bytes.
[[nodiscard]] std::string without_values(std::string_view sql);
/// "SELECT": the statement's first word, in capitals.
[[nodiscard]] std::string first_word(std::string_view sql);

}  // namespace intarsia
