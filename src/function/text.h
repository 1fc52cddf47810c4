// SPDX-License-Identifier: Apache-2.0
// Text by code points, and the properties of characters that Python's str has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace intarsia {

[[nodiscard]] bool is_ascii(std::string_view text);
/// Bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::u32string code_points(std::string_view text);
[[nodiscard]] std::string utf8(std::u32string_view text);
/// How many code points.
[[nodiscard]] std::int64_t text_length(std::string_view text);

[[nodiscard]] bool is_space(char32_t c);
[[nodiscard]] bool is_line_end(char32_t c);
[[nodiscard]] bool is_alpha(char32_t c);
[[nodiscard]] bool is_decimal(char32_t c);
[[nodiscard]] bool is_digit(char32_t c);
[[nodiscard]] bool is_numeric(char32_t c);
[[nodiscard]] bool is_upper(char32_t c);
[[nodiscard]] bool is_lower(char32_t c);
[[nodiscard]] bool is_title(char32_t c);

/// Where text[start:stop] begins and ends, as Python clamps: 0 <= begin <= end <= size unless start > stop.
struct Range {
  std::int64_t begin, end;
};
[[nodiscard]] Range clamp_range(std::int64_t size, std::int64_t start, std::optional<std::int64_t> stop);

/// The families of string functions; register_string_functions calls them.
void register_string_case();
void register_string_search();
void register_string_regex();
void register_string_layout();
void register_string_split();

}  // namespace intarsia
