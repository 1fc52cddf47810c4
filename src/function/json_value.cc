// SPDX-License-Identifier: Apache-2.0
#include "function/json_value.h"

#include <cmath>

#include "intarsia/error.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

bool is_signed_integer(const JsonValue& v) {
  return v.type() == JsonValue::value_t::number_integer ||
         (v.is_number_unsigned() && v.get<std::uint64_t>() <= INT64_MAX);
}

std::partial_ordering compare_json_numbers(const JsonValue& a, const JsonValue& b) {
  if (is_signed_integer(a))
    return is_signed_integer(b) ? std::partial_ordering(a.get<std::int64_t>() <=> b.get<std::int64_t>())
                                : compare_numbers(a.get<std::int64_t>(), b.get<double>());
  if (is_signed_integer(b)) return 0 <=> compare_numbers(b.get<std::int64_t>(), a.get<double>());
  if (a.is_number_unsigned() && b.is_number_unsigned()) return a.get<std::uint64_t>() <=> b.get<std::uint64_t>();
  return a.get<double>() <=> b.get<double>();
}

}  // namespace

JsonValue parse_json(std::string_view text) {
  JsonValue value = JsonValue::parse(text, nullptr, false);
  if (value.is_discarded()) throw CellFailure("ValueError", "not a JSON document: " + std::string(text.substr(0, 80)));
  return value;
}

Json json_cell(const JsonValue& value) {
  return {value.dump(-1, ' ', false, JsonValue::error_handler_t::replace)};
}

JsonValue cell_json(const Column& column, std::int64_t row) {
  if (column.is_null(row)) return nullptr;
  switch (column.type().kind()) {
    case TypeKind::kInt:
      return column.int_at(row);
    case TypeKind::kFloat:
      return column.float_at(row);
    case TypeKind::kBool:
      return column.bool_at(row);
    case TypeKind::kString:
      return std::string(column.text_at(row));
    case TypeKind::kTimestamp:
      return iso_text(column.timestamp_at(row));
    case TypeKind::kDate:
      return iso_text(column.date_at(row));
    case TypeKind::kUuid:
      return column.uuid_at(row).text();
    case TypeKind::kJson:
      return parse_json(column.text_at(row));
    default:
      throw CellFailure("TypeError", column.type().as_nullable(false).text() + " has no JSON form");
  }
}

std::string python_dumps(const JsonValue& value) {
  std::string text;
  if (value.is_number_float()) return float_text(value.get<double>());
  if (value.is_array()) {
    for (const JsonValue& item : value) text += (text.empty() ? "" : ", ") + python_dumps(item);
    return "[" + text + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.items())
      text += (text.empty() ? "" : ", ") + python_dumps(JsonValue(key)) + ": " + python_dumps(item);
    return "{" + text + "}";
  }
  return value.dump(-1, ' ', true, JsonValue::error_handler_t::replace);
}

std::string_view python_type_name(const JsonValue& value) {
  switch (value.type()) {
    case JsonValue::value_t::string:
      return "str";
    case JsonValue::value_t::boolean:
      return "bool";
    case JsonValue::value_t::number_integer:
    case JsonValue::value_t::number_unsigned:
      return "int";
    case JsonValue::value_t::number_float:
      return "float";
    case JsonValue::value_t::array:
      return "list";
    case JsonValue::value_t::object:
      return "dict";
    default:
      return "NoneType";
  }
}

std::partial_ordering compare_numbers(std::int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (b >= kLimit) return std::partial_ordering::less;
  if (b < -kLimit) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  if (const auto order = a <=> static_cast<std::int64_t>(whole); order != 0) return order;
  return whole <=> b;
}

std::partial_ordering compare_json(const JsonValue& a, const JsonValue& b) {
  if (a.is_number() && b.is_number()) return compare_json_numbers(a, b);
  if (a.is_string() && b.is_string()) return a.get_ref<const std::string&>() <=> b.get_ref<const std::string&>();
  if (a.is_boolean() && b.is_boolean()) return a.get<bool>() <=> b.get<bool>();
  return std::partial_ordering::unordered;
}

bool equal_json(const JsonValue& a, const JsonValue& b) {
  if (a.is_null() && b.is_null()) return true;
  if (a.is_array() && b.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal_json);
  }
  if (a.is_object() && b.is_object()) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, value] : a.items()) {
      const auto other = b.find(key);
      if (other == b.end() || !equal_json(value, *other)) return false;
    }
    return true;
  }
  return compare_json(a, b) == std::partial_ordering::equivalent;
}

}  // namespace intarsia
