// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "function/builtins.h"
#include "function/define.h"
#include "function/json_value.h"

namespace intarsia {
namespace {

using MaybeJson = std::optional<JsonValue>;

[[noreturn]] void fail_request(const std::string& message) {
  throw CellFailure("RequestError", message);
}

const JsonValue& require_array(const JsonValue& value, std::string_view function) {
  if (!value.is_array()) fail_request(fmt::format("{}() is only defined for a JSON array", function));
  return value;
}

const JsonValue& require_object(const JsonValue& value, std::string_view function) {
  if (!value.is_object()) fail_request(fmt::format("{}() is only defined for a JSON object", function));
  return value;
}

std::vector<double> require_numbers(const JsonValue& value, std::string_view function) {
  std::vector<double> numbers;
  bool all = value.is_array();
  if (all)
    for (const JsonValue& item : value) {
      all = all && item.is_number();
      if (all) numbers.push_back(item.get<double>());
    }
  if (!all) fail_request(fmt::format("{}() is only defined for a JSON array of numbers", function));
  return numbers;
}

std::int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::int64_t length(const JsonValue& value) {
  if (value.is_string()) return code_points(value.get_ref<const std::string&>());
  if (!value.is_structured()) fail_request(fmt::format("len() is not defined for a JSON {}", python_type_name(value)));
  return static_cast<std::int64_t>(value.size());
}

bool is_empty(const MaybeJson& value) {
  if (!value || value->is_null()) return true;
  return value->is_string() ? value->get_ref<const std::string&>().empty() : value->is_structured() && value->empty();
}

std::int64_t count(const JsonValue& list, const JsonValue& value) {
  require_array(list, "count");
  return std::count_if(list.begin(), list.end(), [&](const JsonValue& item) { return equal_json(item, value); });
}

bool contains(const JsonValue& value, const JsonValue& wanted) {
  if (value.is_array()) return count(value, wanted) > 0;
  return value.is_object() && wanted.is_string() && value.contains(wanted.get_ref<const std::string&>());
}

JsonValue get(const MaybeJson& value, const std::string& key, const MaybeJson& fallback) {
  if (value && value->is_object() && value->contains(key)) return (*value)[key];
  return fallback.value_or(JsonValue());
}

JsonValue keys(const JsonValue& object) {
  JsonValue result = JsonValue::array();
  for (const auto& [key, value] : require_object(object, "keys").items()) result.push_back(key);
  return result;
}

JsonValue values(const JsonValue& object) {
  JsonValue result = JsonValue::array();
  for (const auto& [key, value] : require_object(object, "values").items()) result.push_back(value);
  return result;
}

JsonValue items(const JsonValue& object) {
  JsonValue result = JsonValue::array();
  for (const auto& [key, value] : require_object(object, "items").items())
    result.push_back(JsonValue::array({JsonValue(key), value}));
  return result;
}

JsonValue flatten(const JsonValue& list) {
  JsonValue result = JsonValue::array();
  for (const JsonValue& item : require_array(list, "flatten")) {
    if (item.is_array())
      result.insert(result.end(), item.begin(), item.end());
    else
      result.push_back(item);
  }
  return result;
}

JsonValue concat(const MaybeJson& a, const MaybeJson& b) {
  if (!a || !b || a->is_null() || b->is_null()) return nullptr;
  if (!a->is_array() || !b->is_array()) fail_request("concat() is only defined for two JSON arrays");
  JsonValue result = *a;
  result.insert(result.end(), b->begin(), b->end());
  return result;
}

JsonValue merge(const MaybeJson& a, const MaybeJson& b) {
  if (!a || !b || a->is_null() || b->is_null()) return nullptr;
  if (!a->is_object() || !b->is_object()) fail_request("merge() is only defined for two JSON objects");
  JsonValue result = *a;
  for (const auto& [key, value] : b->items()) result[key] = value;
  return result;
}

double sum(const JsonValue& list) {
  double total = 0;
  for (const double number : require_numbers(list, "sum")) total += number;
  return total;
}

std::optional<double> mean(const JsonValue& list) {
  const std::vector<double> numbers = require_numbers(list, "mean");
  if (numbers.empty()) return std::nullopt;
  return sum(list) / static_cast<double>(numbers.size());
}

template <bool kLeast>
std::optional<double> extreme(const JsonValue& list) {
  const std::vector<double> numbers = require_numbers(list, kLeast ? "min" : "max");
  if (numbers.empty()) return std::nullopt;
  return kLeast ? *std::min_element(numbers.begin(), numbers.end()) : *std::max_element(numbers.begin(), numbers.end());
}

}  // namespace

void register_json_functions() {
  const Type json(TypeKind::kJson), maybe_json(TypeKind::kJson, true);
  const Type maybe_float(TypeKind::kFloat, true);
  const Parameter self{"self", json}, maybe_self{"self", maybe_json};
  const Parameter value{.name = "value", .type = json, .any_kind = true};

  define_function("json.dumps", {{.name = "obj", .type = json, .any_kind = true}}, TypeKind::kString,
                  "The value as JSON text, in ASCII with escapes, as Python's json.dumps writes it.",
                  "pxt.functions.json.dumps(t.meta)", scalar_kernel(python_dumps));
  define_method("json.len", {self}, TypeKind::kInt, "The number of elements, of keys, or of characters.",
                "t.meta.tags.len()", scalar_kernel(length));
  define_method("json.is_empty", {maybe_self}, TypeKind::kBool,
                "Whether it is null, or a list, an object or a string with nothing in it.", "t.meta.tags.is_empty()",
                scalar_kernel(is_empty));
  define_method("json.contains", {self, value}, TypeKind::kBool,
                "Whether a list has the element, or an object the key; false for all else.",
                "t.meta.tags.contains('cat')", scalar_kernel(contains));
  define_method("json.count", {self, value}, TypeKind::kInt, "How many elements of a list equal the value.",
                "t.meta.tags.count('cat')", scalar_kernel(count));
  define_method("json.get",
                {maybe_self,
                 {"key", TypeKind::kString},
                 {.name = "default", .type = maybe_json, .default_value = Value(), .any_kind = true}},
                maybe_json, "The value of a key; the default when it is not there or this is no object.",
                "t.meta.get('author', 'nobody')", scalar_kernel(get));
  define_method("json.keys", {self}, json, "The keys of an object.", "t.meta.keys()", scalar_kernel(keys));
  define_method("json.values", {self}, json, "The values of an object.", "t.meta.values()", scalar_kernel(values));
  define_method("json.items", {self}, json, "The [key, value] pairs of an object.", "t.meta.items()",
                scalar_kernel(items));
  define_method("json.flatten", {self}, json, "A list with the elements of the lists in it; one level only.",
                "t.meta.boxes.flatten()", scalar_kernel(flatten));
  define_method("json.concat", {maybe_self, {"other", maybe_json}}, maybe_json,
                "Two lists as one; null when one is null.", "t.meta.tags.concat(t.meta.boxes)", scalar_kernel(concat));
  define_method("json.merge", {maybe_self, {"other", maybe_json}}, maybe_json,
                "The keys of both objects, the second winning; null when one is null.", "t.meta.merge({'seen': True})",
                scalar_kernel(merge));
  define_method("json.sum", {self}, TypeKind::kFloat, "The sum of a list of numbers.", "t.meta.scores.sum()",
                scalar_kernel(sum));
  define_method("json.mean", {self}, maybe_float, "The mean of a list of numbers; null for an empty list.",
                "t.meta.scores.mean()", scalar_kernel(mean));
  define_method("json.min", {self}, maybe_float, "The least of a list of numbers; null for an empty list.",
                "t.meta.scores.min()", scalar_kernel(extreme<true>));
  define_method("json.max", {self}, maybe_float, "The greatest of a list of numbers; null for an empty list.",
                "t.meta.scores.max()", scalar_kernel(extreme<false>));
}

}  // namespace intarsia
