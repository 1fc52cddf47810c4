// SPDX-License-Identifier: Apache-2.0
#include "function/builtins.h"
#include "function/define.h"
#include "function/json_value.h"
#include "function/text.h"

namespace intarsia {
namespace {

using MaybeText = std::optional<std::string>;
using Parts = std::vector<std::string>;

constexpr TypeKind kString = TypeKind::kString, kInt = TypeKind::kInt, kBool = TypeKind::kBool, kJson = TypeKind::kJson;

[[noreturn]] void fail_empty_separator() {
  throw CellFailure("ValueError", "empty separator");
}

Parts split_at(std::string_view text, std::string_view separator, std::int64_t left) {
  if (separator.empty()) fail_empty_separator();
  Parts parts;
  for (std::size_t found; left != 0 && (found = text.find(separator)) != std::string_view::npos; --left) {
    parts.emplace_back(text.substr(0, found));
    text.remove_prefix(found + separator.size());
  }
  parts.emplace_back(text);
  return parts;
}

Parts rsplit_at(std::string_view text, std::string_view separator, std::int64_t left) {
  if (separator.empty()) fail_empty_separator();
  Parts parts;
  for (std::size_t found; left != 0 && (found = text.rfind(separator)) != std::string_view::npos; --left) {
    parts.emplace_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.emplace_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

/// At runs of white space; none at either end, except behind the last split, where the text stays as it is.
Parts split_spaces(std::u32string_view text, std::int64_t left) {
  Parts parts;
  for (std::size_t i = 0;; --left) {
    while (i < text.size() && is_space(text[i])) ++i;
    if (i == text.size()) return parts;
    std::size_t end = i;
    if (left == 0) {
      parts.push_back(utf8(text.substr(i)));
      return parts;
    }
    while (end < text.size() && !is_space(text[end])) ++end;
    parts.push_back(utf8(text.substr(i, end - i)));
    i = end;
  }
}

Parts rsplit_spaces(std::u32string_view text, std::int64_t left) {
  const std::u32string mirrored(text.rbegin(), text.rend());
  Parts parts = split_spaces(mirrored, left);
  for (std::string& part : parts) {
    const std::u32string points = code_points(part);
    part = utf8(std::u32string(points.rbegin(), points.rend()));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

JsonValue split(std::string_view text, const MaybeText& separator, std::int64_t maxsplit) {
  return separator ? split_at(text, *separator, maxsplit) : split_spaces(code_points(text), maxsplit);
}

JsonValue rsplit(std::string_view text, const MaybeText& separator, std::int64_t maxsplit) {
  return separator ? rsplit_at(text, *separator, maxsplit) : rsplit_spaces(code_points(text), maxsplit);
}

JsonValue splitlines(std::string_view text, bool keepends) {
  const std::u32string points = code_points(text);
  Parts lines;
  for (std::size_t i = 0; i < points.size();) {
    std::size_t end = i;
    while (end < points.size() && !is_line_end(points[end])) ++end;
    std::size_t next = std::min(end + 1, points.size());
    if (next < points.size() && points[end] == '\r' && points[next] == '\n') ++next;
    lines.push_back(utf8(std::u32string_view(points).substr(i, (keepends ? next : end) - i)));
    i = next;
  }
  return lines;
}

template <bool kLast>
JsonValue partition(std::string_view text, std::string_view separator) {
  const std::size_t found = kLast ? text.rfind(separator) : text.find(separator);
  if (found == std::string_view::npos) return Parts{std::string(text), "", ""};
  return Parts{std::string(text.substr(0, found)), std::string(separator),
               std::string(text.substr(found + separator.size()))};
}

std::string join(const std::string& separator, const JsonValue& elements) {
  if (!elements.is_array()) throw CellFailure("TypeError", "can only join an iterable");
  std::string result;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (!elements[i].is_string())
      throw CellFailure("TypeError", "sequence item " + std::to_string(i) + ": expected str instance, " +
                                         std::string(python_type_name(elements[i])) + " found");
    result += (i == 0 ? "" : separator) + elements[i].get_ref<const std::string&>();
  }
  return result;
}

}  // namespace

void register_string_split() {
  const Parameter self{"self", kString}, maxsplit = optional_parameter("maxsplit", kInt, -1);
  const Parameter separator = optional_parameter("sep", Type(kString, true), Value());
  define_method(
      "string.split", {self, separator, maxsplit}, kJson,
      "The parts between separators (white space when left out), split at most `maxsplit` times from the left.",
      "t.name.split(',')", scalar_kernel(split));
  define_method(
      "string.rsplit", {self, separator, maxsplit}, kJson,
      "The parts between separators (white space when left out), split at most `maxsplit` times from the right.",
      "t.name.rsplit(',', 1)", scalar_kernel(rsplit));
  define_method("string.splitlines", {self, optional_parameter("keepends", kBool, false)}, kJson,
                "The lines; with keepends=True with their ends.", "t.name.splitlines()", scalar_kernel(splitlines));
  define_method("string.partition", {self, optional_parameter("sep", kString, " ")}, kJson,
                "[before, sep, after] at the first separator; [text, '', ''] without one.", "t.name.partition('-')",
                scalar_kernel(partition<false>));
  define_method("string.rpartition", {self, optional_parameter("sep", kString, " ")}, kJson,
                "[before, sep, after] at the last separator; [text, '', ''] without one.", "t.name.rpartition('-')",
                scalar_kernel(partition<true>));
  define_function("string.join", {{"sep", kString}, {"elements", kJson}}, kString,
                  "The strings of a list as one, with a separator between them.",
                  "pxt.functions.string.join(', ', t.meta.tags)", scalar_kernel(join));
}

void register_string_functions() {
  register_string_case();
  register_string_search();
  register_string_regex();
  register_string_layout();
  register_string_split();
}

}  // namespace intarsia
