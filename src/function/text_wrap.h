// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace intarsia {

/// The options of Python's textwrap, with its meaning.
struct WrapOptions {
  std::int64_t width = 70;
  std::u32string initial_indent, subsequent_indent;
  bool expand_tabs = true;
  std::int64_t tabsize = 8;
  bool replace_whitespace = true, drop_whitespace = true, break_long_words = true, break_on_hyphens = true;
  std::optional<std::int64_t> max_lines;
  std::u32string placeholder;
};

/// The lines. Throws CellFailure("ValueError") for a width that is not positive or too small for the placeholder.
[[nodiscard]] std::vector<std::string> wrap_text(std::string_view text, const WrapOptions& options);

}  // namespace intarsia
