// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "intarsia/value.h"

namespace intarsia::cli {

/// What a command shows in one place: for a reader and for a program. Implicit from what commands have at hand.
struct Cell {
  Cell(std::string_view words) : text(words), json(words) {}                 // NOLINT
  Cell(const std::string& words) : text(words), json(words) {}               // NOLINT
  Cell(const char* words) : text(words), json(words) {}                      // NOLINT
  Cell(std::int64_t number) : text(std::to_string(number)), json(number) {}  // NOLINT
  Cell(int number) : Cell(static_cast<std::int64_t>(number)) {}              // NOLINT
  Cell(bool yes) : text(yes ? "yes" : ""), json(yes) {}                      // NOLINT
  Cell(std::string shown, nlohmann::ordered_json data) : text(std::move(shown)), json(std::move(data)) {}
  /// A table's value: media by name, JSON as JSON, arrays and bytes by size when shown and in full as JSON.
  Cell(const Value& value);  // NOLINT

  std::string text;
  nlohmann::ordered_json json;
};

/// "2026-11-24 00:05:27", UTC; JSON: ISO 8601.
[[nodiscard]] Cell timestamp_cell(Timestamp time);
/// "12.3 MB"; JSON: bytes.
[[nodiscard]] Cell size_cell(std::int64_t bytes);
/// "2 h 5 min"; JSON: seconds.
[[nodiscard]] Cell duration_cell(double seconds);

}  // namespace intarsia::cli
