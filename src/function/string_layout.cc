// SPDX-License-Identifier: Apache-2.0
// Padding, and wrapping into lines.
#include <fmt/format.h>

#include "function/define.h"
#include "function/json_value.h"
#include "function/text.h"
#include "function/text_wrap.h"

namespace intarsia {
namespace {

constexpr TypeKind kString = TypeKind::kString, kInt = TypeKind::kInt, kBool = TypeKind::kBool;
using MaybeInt = std::optional<std::int64_t>;

std::string copies(std::string_view fill, std::int64_t n) {
  constexpr std::int64_t kMost = 1 << 28;
  if (n > kMost) throw CellFailure("OverflowError", "padded string is too long");
  std::string result;
  for (std::int64_t i = 0; i < n; ++i) result += fill;
  return result;
}

std::string padded(std::string_view text, std::int64_t left, std::int64_t right, std::string_view fill) {
  if (text_length(fill) != 1) throw CellFailure("TypeError", "The fill character must be exactly one character long");
  return copies(fill, left).append(text).append(copies(fill, right));
}

std::int64_t missing(std::string_view text, std::int64_t width) {
  return std::max<std::int64_t>(width - text_length(text), 0);
}

std::string ljust(std::string_view text, std::int64_t width, std::string_view fill) {
  return padded(text, 0, missing(text, width), fill);
}

std::string rjust(std::string_view text, std::int64_t width, std::string_view fill) {
  return padded(text, missing(text, width), 0, fill);
}

/// Of an odd number of fill characters, str.center puts the larger half left when the width is odd.
std::string center(std::string_view text, std::int64_t width, std::string_view fill) {
  const std::int64_t total = missing(text, width), left = total / 2 + (total & width & 1);
  return padded(text, left, total - left, fill);
}

std::string pad(std::string_view text, std::int64_t width, std::string_view side, std::string_view fill) {
  if (side == "left") return ljust(text, width, fill);
  if (side == "right") return rjust(text, width, fill);
  if (side == "both") return center(text, width, fill);
  throw CellFailure("ValueError", fmt::format("Invalid side: {}", side));
}

std::string zfill(std::string_view text, std::int64_t width) {
  const std::string zeros = copies("0", missing(text, width));
  const bool has_sign = text.starts_with('+') || text.starts_with('-');
  return std::string(text.substr(0, has_sign)) + zeros + std::string(text.substr(has_sign));
}

std::vector<std::string> wrapped(std::string_view text, std::int64_t width, std::string_view initial_indent,
                                 std::string_view subsequent_indent, bool expand_tabs, std::int64_t tabsize,
                                 bool replace_whitespace, bool drop_whitespace, bool break_long_words,
                                 bool break_on_hyphens, MaybeInt max_lines, std::string_view placeholder) {
  return wrap_text(text, {.width = width,
                          .initial_indent = code_points(initial_indent),
                          .subsequent_indent = code_points(subsequent_indent),
                          .expand_tabs = expand_tabs,
                          .tabsize = tabsize,
                          .replace_whitespace = replace_whitespace,
                          .drop_whitespace = drop_whitespace,
                          .break_long_words = break_long_words,
                          .break_on_hyphens = break_on_hyphens,
                          .max_lines = max_lines,
                          .placeholder = code_points(placeholder)});
}

template <bool kJoin>
auto wrap(std::string_view text, std::int64_t width, std::string_view initial_indent,
          std::string_view subsequent_indent, bool expand_tabs, std::int64_t tabsize, bool replace_whitespace,
          bool drop_whitespace, bool break_long_words, bool break_on_hyphens, MaybeInt max_lines,
          std::string_view placeholder) {
  const auto lines = wrapped(text, width, initial_indent, subsequent_indent, expand_tabs, tabsize, replace_whitespace,
                             drop_whitespace, break_long_words, break_on_hyphens, max_lines, placeholder);
  if constexpr (kJoin)
    return fmt::format("{}", fmt::join(lines, "\n"));
  else
    return JsonValue(lines);
}

/// The keywords of Python's textwrap.
std::vector<Parameter> wrap_parameters() {
  std::vector<Parameter> parameters = {{"self", kString}, {"width", kInt}};
  const auto add = [&](std::string name, const Type& type, Value value) {
    parameters.push_back(
        {.name = std::move(name), .type = type, .default_value = std::move(value), .keyword_only = true});
  };
  add("initial_indent", kString, "");
  add("subsequent_indent", kString, "");
  add("expand_tabs", kBool, true);
  add("tabsize", kInt, 8);
  add("replace_whitespace", kBool, true);
  add("drop_whitespace", kBool, true);
  add("break_long_words", kBool, true);
  add("break_on_hyphens", kBool, true);
  add("max_lines", Type(kInt, true), Value());
  add("placeholder", kString, " [...]");
  return parameters;
}

}  // namespace

void register_string_layout() {
  const Parameter self{"self", kString}, width{"width", kInt}, fill = optional_parameter("fillchar", kString, " ");
  define_method("string.ljust", {self, width, fill}, kString, "The text filled on the right to a width.",
                "t.name.ljust(10)", scalar_kernel(ljust));
  define_method("string.rjust", {self, width, fill}, kString, "The text filled on the left to a width.",
                "t.name.rjust(10)", scalar_kernel(rjust));
  define_method("string.center", {self, width, fill}, kString, "The text filled on both sides to a width.",
                "t.name.center(10)", scalar_kernel(center));
  define_method("string.pad", {self, width, optional_parameter("side", kString, "left"), fill}, kString,
                "The text filled to a width; `side` is where the text stands: 'left', 'right' or 'both' (the middle).",
                "t.name.pad(10, side='both')", scalar_kernel(pad));
  define_method("string.zfill", {self, width}, kString, "The text filled with zeros on the left, after its sign.",
                "t.name.zfill(5)", scalar_kernel(zfill));
  define_method("string.wrap", wrap_parameters(), TypeKind::kJson,
                "The text as a list of lines of at most `width` characters, with the options of Python's textwrap.",
                "t.name.wrap(20)", scalar_kernel(wrap<false>));
  define_method("string.fill", wrap_parameters(), kString,
                "The text broken into lines of at most `width` characters, with the options of Python's textwrap.",
                "t.name.fill(20)", scalar_kernel(wrap<true>));
}

}  // namespace intarsia
