// SPDX-License-Identifier: Apache-2.0
// Arguments that are one of a few words.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "intarsia/intarsia.h"

namespace intarsia::python {

template <typename Enum, std::size_t N>
Enum parse_choice(std::string_view argument, std::string_view word,
                  const std::array<std::pair<std::string_view, Enum>, N>& choices) {
  std::string known;
  for (const auto& [name, value] : choices) {
    if (name == word) return value;
    known += (known.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  throw Error(ErrorCode::kInvalidArgument,
              std::string(argument) + " must be one of " + known + ", got '" + std::string(word) + "'");
}

inline OnError parse_on_error(std::string_view word) {
  return parse_choice<OnError, 2>("on_error", word, {{{"abort", OnError::kAbort}, {"ignore", OnError::kIgnore}}});
}

inline IfExists parse_if_exists(std::string_view word) {
  return parse_choice<IfExists, 4>("if_exists", word,
                                   {{{"error", IfExists::kError},
                                     {"ignore", IfExists::kIgnore},
                                     {"replace", IfExists::kReplace},
                                     {"replace_force", IfExists::kReplaceForce}}});
}

inline IfNotExists parse_if_not_exists(std::string_view word) {
  return parse_choice<IfNotExists, 2>("if_not_exists", word,
                                      {{{"error", IfNotExists::kError}, {"ignore", IfNotExists::kIgnore}}});
}

inline MediaValidation parse_media_validation(std::string_view word) {
  return parse_choice<MediaValidation, 2>(
      "media_validation", word, {{{"on_write", MediaValidation::kOnWrite}, {"on_read", MediaValidation::kOnRead}}});
}

}  // namespace intarsia::python
