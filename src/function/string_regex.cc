// SPDX-License-Identifier: Apache-2.0
#include "function/define.h"
#include "function/json_value.h"
#include "function/regex.h"
#include "function/text.h"

namespace intarsia {
namespace {

using MaybeInt = std::optional<std::int64_t>;

constexpr TypeKind kString = TypeKind::kString, kInt = TypeKind::kInt, kBool = TypeKind::kBool;

template <bool (Regex::*kTest)(std::string_view) const>
bool test(std::string_view text, const std::string& pattern, bool with_case, std::int64_t flags) {
  return (Regex::cached(pattern, with_case ? flags : flags | kIgnoreCase).*kTest)(text);
}

bool contains_re(std::string_view text, const std::string& pattern, std::int64_t flags) {
  return Regex::cached(pattern, flags).search(text);
}

std::int64_t count(std::string_view text, const std::string& pattern, std::int64_t flags) {
  return static_cast<std::int64_t>(Regex::cached(pattern, flags).find_all(text).size());
}

/// As re.findall: strings, or lists of them when the pattern has several groups.
JsonValue findall(std::string_view text, const std::string& pattern, std::int64_t flags) {
  JsonValue result = JsonValue::array();
  for (const auto& groups : Regex::cached(pattern, flags).find_all(text))
    result.push_back(groups.size() == 1 ? JsonValue(groups[0]) : JsonValue(groups));
  return result;
}

std::string replace_re(std::string_view text, const std::string& pattern, const std::string& by, MaybeInt n,
                       std::int64_t flags) {
  return Regex::cached(pattern, flags).replace(text, by, n.value_or(0));
}

}  // namespace

void register_string_regex() {
  const Parameter self{"self", kString}, pattern{"pattern", kString};
  const Parameter flags = optional_parameter("flags", kInt, 0), with_case = optional_parameter("case", kBool, true);
  define_method("string.contains_re", {self, pattern, flags}, kBool,
                "Whether a regular expression matches somewhere. `flags` are those of Python's re.",
                "t.name.contains_re('[0-9]+')", scalar_kernel(contains_re));
  define_method("string.match", {self, pattern, with_case, flags}, kBool,
                "Whether a regular expression matches at the start.", "t.name.match('[a-c]')",
                scalar_kernel(test<&Regex::match>));
  define_method("string.fullmatch", {self, pattern, with_case, flags}, kBool,
                "Whether a regular expression matches the whole text.", "t.name.fullmatch('[a-z ]+')",
                scalar_kernel(test<&Regex::fullmatch>));
  define_method("string.count", {self, pattern, flags}, kInt, "How many times a regular expression matches.",
                "t.name.count('a')", scalar_kernel(count));
  define_method("string.findall", {self, pattern, flags}, TypeKind::kJson,
                "What a regular expression matches, as a list; of a pattern with groups, the groups.",
                "t.name.findall('[a-z]+')", scalar_kernel(findall));
  define_method(
      "string.replace_re",
      {self, pattern, {"repl", kString}, optional_parameter("n", Type(kInt, true), Value()), flags}, kString,
      "The text with what a regular expression matches replaced, the first `n` times or everywhere. `repl` may "
      "refer to groups: \\1, \\g<name>.",
      "t.name.replace_re('[aeiou]', '*')", scalar_kernel(replace_re));
}

}  // namespace intarsia
