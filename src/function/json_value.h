// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "intarsia/batch.h"
#include "intarsia/function.h"
#include "intarsia/value.h"

namespace intarsia {

/// A parsed JSON document; keys keep their order.
using JsonValue = nlohmann::ordered_json;

/// Throws CellFailure("ValueError") when `text` is no JSON.
[[nodiscard]] JsonValue parse_json(std::string_view text);
/// The text that a Json cell holds.
[[nodiscard]] Json json_cell(const JsonValue& value);
/// A cell of any kind as JSON; times as ISO text; null for null. Throws CellFailure("TypeError") for media and bytes.
[[nodiscard]] JsonValue cell_json(const Column& column, std::int64_t row);
/// As Python's json.dumps writes it: "{"a": [1, 2.0]}", ASCII only.
[[nodiscard]] std::string python_dumps(const JsonValue& value);
/// "str", "int", "float", "bool", "list", "dict", "NoneType": what Python calls it.
[[nodiscard]] std::string_view python_type_name(const JsonValue& value);

/// An integer against a float, exactly.
[[nodiscard]] std::partial_ordering compare_numbers(std::int64_t a, double b);
/// Numbers with numbers, strings with strings, bools with bools; unordered for all else.
[[nodiscard]] std::partial_ordering compare_json(const JsonValue& a, const JsonValue& b);
/// Equality in depth; 1 equals 1.0, objects don't care for the order of keys.
[[nodiscard]] bool equal_json(const JsonValue& a, const JsonValue& b);

/// Lets scalar_kernel take and give JsonValue: any kind of cell in, a Json cell out (null for JSON's null).
template <>
struct detail::CellType<JsonValue> {
  static constexpr TypeKind kKind = TypeKind::kJson;
  static JsonValue read(const Column& column, std::int64_t row) { return cell_json(column, row); }
  static void write(ColumnBuilder& out, const JsonValue& value) {
    if (value.is_null())
      out.append_null();
    else
      out.append_text(json_cell(value).text);
  }
};

}  // namespace intarsia
