// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace intarsia::cli {

/// Terminal columns that UTF-8 text takes: 2 for East Asian wide characters and emoji, 0 for combining marks.
[[nodiscard]] int text_width(std::string_view utf8);

/// The text on one line, with what could steer a terminal made visible: line ends become "⏎", other control characters
/// and broken UTF-8 become "�".
[[nodiscard]] std::string printable(std::string_view utf8);

/// Cut to at most `width` columns, the last of them "…" when something was cut.
/// Requires: printable text, width > 0.
[[nodiscard]] std::string truncated(std::string_view utf8, int width);

}  // namespace intarsia::cli
