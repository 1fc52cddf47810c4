// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "function/regex.h"

namespace intarsia {
namespace {

/// Rewrites what Python and ICU write differently, from left to right.
class Translator {
 public:
  Translator(std::string_view pattern, bool ascii) : in_(pattern), ascii_(ascii) {}

  std::string run() {
    while (at_ < in_.size()) {
      if (in_[at_] == '\\')
        escape();
      else if (in_set_)
        set_character();
      else
        character();
    }
    return std::move(out_);
  }

 private:
  void copy(std::size_t n = 1) {
    out_ += in_.substr(at_, n);
    at_ += n;
  }
  void put(std::string_view text, std::size_t taken) {
    out_ += text;
    at_ += taken;
  }
  [[nodiscard]] bool next_is(std::string_view text) const { return in_.substr(at_).starts_with(text); }

  void escape() {
    const char c = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
    if (c == 'Z') return put("\\z", 2);
    if (ascii_ && c == 'd') return put("[0-9]", 2);
    if (ascii_ && c == 'D') return put("[^0-9]", 2);
    if (ascii_ && c == 'w') return put("[a-zA-Z0-9_]", 2);
    if (ascii_ && c == 'W') return put("[^a-zA-Z0-9_]", 2);
    if (ascii_ && c == 's') return put("[ \\t\\n\\r\\f\\x0b]", 2);
    if (ascii_ && c == 'S') return put("[^ \\t\\n\\r\\f\\x0b]", 2);
    if (c == 'v') return put("\\x0b", 2);
    if (in_set_ && c == 'b') return put("\\x08", 2);
    copy(2 < in_.size() - at_ ? 2 : in_.size() - at_);
  }

  void set_character() {
    const char c = in_[at_];
    if (c == '[' || c == '&') return put(std::string{'\\', c}, 1);
    if (c == '-' && next_is("--")) return put("\\-", 1);
    if (c == ']') in_set_ = false;
    copy();
  }

  /// "{" starts a repetition only before digits; else it is itself.
  [[nodiscard]] bool is_repetition() const {
    const std::size_t end = in_.find('}', at_);
    if (end == std::string_view::npos || end == at_ + 1) return false;
    const std::string_view inner = in_.substr(at_ + 1, end - at_ - 1);
    return inner.find_first_not_of("0123456789,") == std::string_view::npos && inner != ",";
  }

  void character() {
    if (next_is("(?P<")) return put("(?<", 4);
    if (next_is("(?P=")) {
      const std::size_t end = in_.find(')', at_);
      if (end == std::string_view::npos) return copy();
      return put("\\k<" + std::string(in_.substr(at_ + 4, end - at_ - 4)) + ">", end + 1 - at_);
    }
    switch (in_[at_]) {
      case '[':
        return open_set();
      case '{':
        if (!is_repetition()) return put("\\{", 1);
        return next_is("{,") ? put("{0,", 2) : copy();
      case '}': {
        const std::size_t open = in_.rfind('{', at_);
        const bool closes = open != std::string_view::npos && out_.rfind('{') != std::string::npos &&
                            out_.find_last_not_of("0123456789,") == out_.rfind('{') &&
                            (out_.rfind('{') == 0 || out_[out_.rfind('{') - 1] != '\\');
        return closes ? copy() : put("\\}", 1);
      }
      default:
        return copy();
    }
  }

  void open_set() {
    in_set_ = true;
    copy();
    if (next_is("^")) copy();
    if (next_is("]")) put("\\]", 1);
  }

  std::string_view in_;
  bool ascii_;
  bool in_set_ = false;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string icu_pattern(std::string_view pattern, bool ascii) {
  return Translator(pattern, ascii).run();
}

}  // namespace intarsia
