// SPDX-License-Identifier: Apache-2.0
#include "storage/statement_text.h"

#include <algorithm>
#include <cctype>

namespace intarsia {

namespace {

constexpr std::size_t kMostBytes = 4000;

bool in_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || (c & 0x80) != 0;
}

/// Behind the literal or the name in quotes that begins at `begin`.
std::size_t end_of_quoted(std::string_view sql, std::size_t begin, bool backslashes) {
  const char quote = sql[begin];
  for (std::size_t at = begin + 1; at < sql.size(); ++at) {
    if (backslashes && sql[at] == '\\')
      ++at;
    else if (sql[at] == quote && at + 1 < sql.size() && sql[at + 1] == quote)
      ++at;
    else if (sql[at] == quote)
      return at + 1;
  }
  return sql.size();
}

std::size_t end_of_number(std::string_view sql, std::size_t begin) {
  std::size_t at = begin;
  while (at < sql.size() && (in_name(sql[at]) || sql[at] == '.')) ++at;
  return at;
}

}  // namespace

std::string without_values(std::string_view sql) {
  std::string text;
  for (std::size_t at = 0; at < sql.size() && text.size() < kMostBytes;) {
    const char c = sql[at];
    const bool begins_word = at == 0 || !in_name(sql[at - 1]);
    const bool escapes = (c == 'E' || c == 'e') && begins_word && at + 1 < sql.size() && sql[at + 1] == '\'';
    if (c == '\'' || escapes) {
      at = end_of_quoted(sql, escapes ? at + 1 : at, escapes);
      text += '?';
    } else if (c == '"') {
      const std::size_t end = end_of_quoted(sql, at, false);
      text += sql.substr(at, end - at);
      at = end;
    } else if (begins_word && std::isdigit(static_cast<unsigned char>(c)) != 0) {
      at = end_of_number(sql, at);
      text += '?';
    } else {
      text += c;
      ++at;
    }
  }
  return text;
}

std::string first_word(std::string_view sql) {
  sql.remove_prefix(std::min(sql.find_first_not_of(" \n("), sql.size()));
  std::string word(sql.substr(0, sql.find_first_of(" \n;(")));
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::toupper(c); });
  return word;
}

}  // namespace intarsia
