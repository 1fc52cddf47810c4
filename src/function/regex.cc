// SPDX-License-Identifier: Apache-2.0
#include "function/regex.h"

#include <fmt/format.h>

#include <map>

#include "intarsia/error.h"

namespace intarsia {
namespace {

icu::UnicodeString unicode(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
}

std::string utf8_of(const icu::UnicodeString& text) {
  std::string result;
  return text.toUTF8String(result);
}

[[noreturn]] void fail(const std::string& message) {
  throw CellFailure("error", message);
}

void check(UErrorCode status, std::string_view doing) {
  if (U_FAILURE(status)) fail(fmt::format("regular expression: {}: {}", doing, u_errorName(status)));
}

/// ICU's flags. Only "\n" ends a line, as in Python.
std::uint32_t icu_flags(std::int64_t flags) {
  constexpr std::int64_t kKnown = kIgnoreCase | kMultiline | kDotAll | kUnicode | kVerbose | kAscii;
  if ((flags & ~kKnown) != 0) fail(fmt::format("regular expression: flags {} are not supported", flags & ~kKnown));
  std::uint32_t result = UREGEX_UNIX_LINES;
  if (flags & kIgnoreCase) result |= UREGEX_CASE_INSENSITIVE;
  if (flags & kMultiline) result |= UREGEX_MULTILINE;
  if (flags & kDotAll) result |= UREGEX_DOTALL;
  if (flags & kVerbose) result |= UREGEX_COMMENTS;
  return result;
}

/// Appends the replacement for one match: Python's template syntax.
class Template {
 public:
  Template(const std::string& text, const icu::RegexPattern& pattern, const icu::RegexMatcher& matcher)
      : text_(text), pattern_(pattern), matcher_(matcher) {}

  std::string expand() {
    while (at_ < text_.size()) {
      if (text_[at_] != '\\' || at_ + 1 == text_.size())
        out_ += text_[at_++];
      else
        escape(text_[at_ + 1]);
    }
    return std::move(out_);
  }

 private:
  void escape(char c) {
    if (c == 'g') return named();
    if (c >= '0' && c <= '9') return numbered();
    constexpr std::string_view kLetters = "abfnrtv", kMeaning = "\a\b\f\n\r\t\v";
    const std::size_t found = kLetters.find(c);
    if (found != std::string_view::npos)
      out_ += kMeaning[found];
    else if (c == '\\')
      out_ += c;
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      fail(fmt::format("bad escape \\{}", c));
    else
      out_.append({'\\', c});
    at_ += 2;
  }

  void numbered() {
    std::size_t end = at_ + 2;
    if (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    if (text_[at_ + 1] == '0') {  // an octal code
      out_ += static_cast<char>(std::stoi(text_.substr(at_ + 1, end - at_ - 1), nullptr, 8));
    } else {
      append_group(std::stoi(text_.substr(at_ + 1, end - at_ - 1)));
    }
    at_ = end;
  }

  void named() {
    const std::size_t end = text_.find('>', at_);
    if (at_ + 2 >= text_.size() || text_[at_ + 2] != '<' || end == std::string::npos) fail("missing group name");
    const std::string name = text_.substr(at_ + 3, end - at_ - 3);
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
      append_group(std::stoi(name));
    } else {
      UErrorCode status = U_ZERO_ERROR;
      const std::int32_t group = pattern_.groupNumberFromName(unicode(name), status);
      if (U_FAILURE(status)) fail(fmt::format("unknown group name '{}'", name));
      append_group(group);
    }
    at_ = end + 1;
  }

  void append_group(int group) {
    UErrorCode status = U_ZERO_ERROR;
    if (group > matcher_.groupCount()) fail(fmt::format("invalid group reference {}", group));
    out_ += utf8_of(matcher_.group(group, status));
  }

  const std::string& text_;
  const icu::RegexPattern& pattern_;
  const icu::RegexMatcher& matcher_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Regex::Regex(const std::string& pattern, std::int64_t flags) {
  UErrorCode status = U_ZERO_ERROR;
  UParseError where;
  pattern_.reset(icu::RegexPattern::compile(unicode(icu_pattern(pattern, (flags & kAscii) != 0)), icu_flags(flags),
                                            where, status));
  if (U_FAILURE(status))
    fail(
        fmt::format("regular expression '{}' is wrong at position {}: {}", pattern, where.offset, u_errorName(status)));
}

const Regex& Regex::cached(const std::string& pattern, std::int64_t flags) {
  constexpr std::size_t kMost = 64;
  thread_local std::map<std::pair<std::string, std::int64_t>, std::unique_ptr<Regex>> cache;
  const auto key = std::make_pair(pattern, flags);
  const auto found = cache.find(key);
  if (found != cache.end()) return *found->second;
  if (cache.size() >= kMost) cache.clear();
  return *cache.emplace(key, std::make_unique<Regex>(pattern, flags)).first->second;
}

std::unique_ptr<icu::RegexMatcher> Regex::matcher(const icu::UnicodeString& text) const {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::RegexMatcher> result(pattern_->matcher(text, status));
  check(status, "start");
  return result;
}

bool Regex::search(std::string_view text) const {
  const icu::UnicodeString subject = unicode(text);
  UErrorCode status = U_ZERO_ERROR;
  const bool found = matcher(subject)->find(status);
  check(status, "search");
  return found;
}

bool Regex::match(std::string_view text) const {
  const icu::UnicodeString subject = unicode(text);
  UErrorCode status = U_ZERO_ERROR;
  const bool found = matcher(subject)->lookingAt(status);
  check(status, "match");
  return found;
}

bool Regex::fullmatch(std::string_view text) const {
  const icu::UnicodeString subject = unicode(text);
  UErrorCode status = U_ZERO_ERROR;
  const bool found = matcher(subject)->matches(status);
  check(status, "match");
  return found;
}

std::vector<std::vector<std::string>> Regex::find_all(std::string_view text) const {
  const icu::UnicodeString subject = unicode(text);
  const auto found = matcher(subject);
  std::vector<std::vector<std::string>> matches;
  UErrorCode status = U_ZERO_ERROR;
  while (found->find(status)) {
    std::vector<std::string>& groups = matches.emplace_back();
    for (std::int32_t i = found->groupCount() == 0 ? 0 : 1; i <= found->groupCount(); ++i)
      groups.push_back(utf8_of(found->group(i, status)));
  }
  check(status, "search");
  return matches;
}

std::string Regex::replace(std::string_view text, const std::string& by, std::int64_t n) const {
  const icu::UnicodeString subject = unicode(text);
  const auto found = matcher(subject);
  std::string result;
  std::int32_t end = 0;
  UErrorCode status = U_ZERO_ERROR;
  for (std::int64_t count = 0; (n <= 0 || count < n) && found->find(status); ++count) {
    result += utf8_of(subject.tempSubStringBetween(end, found->start(status)));
    result += Template(by, *pattern_, *found).expand();
    end = found->end(status);
  }
  check(status, "replace");
  return result + utf8_of(subject.tempSubString(end));
}

}  // namespace intarsia
