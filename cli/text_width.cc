// SPDX-License-Identifier: Apache-2.0
#include "text_width.h"

#include <clocale>
#include <cwchar>

namespace intarsia::cli {
namespace {

struct Character {
  wchar_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

Character character_at(std::string_view text, std::size_t at) {
  static const bool utf8 = std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr || std::setlocale(LC_CTYPE, "") != nullptr;
  static_cast<void>(utf8);
  Character c;
  std::mbstate_t state{};
  const std::size_t used = std::mbrtowc(&c.code, text.data() + at, text.size() - at, &state);
  if (used == static_cast<std::size_t>(-1) || used == static_cast<std::size_t>(-2)) return c;
  return {c.code, used == 0 ? 1 : used, true};
}

int columns_of(const Character& c) {
  const int width = c.valid ? wcwidth(c.code) : 1;
  return width < 0 ? 1 : width;
}

}  // namespace

int text_width(std::string_view utf8) {
  int width = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const Character c = character_at(utf8, at);
    width += columns_of(c);
    at += c.bytes;
  }
  return width;
}

std::string printable(std::string_view utf8) {
  std::string line;
  for (std::size_t at = 0; at < utf8.size();) {
    const Character c = character_at(utf8, at);
    if (c.code == L'\n') {
      line += "⏎";
    } else if (c.code == L'\t') {
      line += ' ';
    } else if (!c.valid || wcwidth(c.code) < 0) {
      line += "�";
    } else {
      line += utf8.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  return line;
}

std::string truncated(std::string_view utf8, int width) {
  if (text_width(utf8) <= width) return std::string(utf8);
  int used = 0;
  std::size_t at = 0;
  while (at < utf8.size()) {
    const Character c = character_at(utf8, at);
    if (used + columns_of(c) > width - 1) break;
    used += columns_of(c);
    at += c.bytes;
  }
  return std::string(utf8.substr(0, at)) + "…";
}

}  // namespace intarsia::cli
