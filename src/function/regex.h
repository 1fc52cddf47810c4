// SPDX-License-Identifier: Apache-2.0
// Regular expressions in Python's syntax on ICU. Known differences from Python's re: no flags LOCALE and DEBUG, no
// conditional groups (?(1)a|b); \w also matches combining marks.
#pragma once

#include <unicode/regex.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace intarsia {

/// Python's flags.
enum RegexFlag : std::int64_t {
  kIgnoreCase = 2,
  kMultiline = 8,
  kDotAll = 16,
  kUnicode = 32,
  kVerbose = 64,
  kAscii = 256,
};

class Regex {
 public:
  /// Throws CellFailure("error") when the pattern is wrong or a flag has no equivalent.
  Regex(const std::string& pattern, std::int64_t flags);
  /// The compiled form, from a small cache of this thread.
  static const Regex& cached(const std::string& pattern, std::int64_t flags);

  [[nodiscard]] bool search(std::string_view text) const;
  [[nodiscard]] bool match(std::string_view text) const;
  [[nodiscard]] bool fullmatch(std::string_view text) const;
  /// The groups of every match: the whole when the pattern has none. A group that took no part is empty.
  [[nodiscard]] std::vector<std::vector<std::string>> find_all(std::string_view text) const;
  /// `by` may refer to groups: \1, \g<1>, \g<name>. At most `n` replacements; 0: all.
  [[nodiscard]] std::string replace(std::string_view text, const std::string& by, std::int64_t n) const;

 private:
  [[nodiscard]] std::unique_ptr<icu::RegexMatcher> matcher(const icu::UnicodeString& text) const;

  std::unique_ptr<icu::RegexPattern> pattern_;
};

/// Python's pattern in ICU's syntax.
[[nodiscard]] std::string icu_pattern(std::string_view pattern, bool ascii);

}  // namespace intarsia
