// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "function/operators.h"
#include "intarsia/expr.h"

namespace intarsia {
namespace {

std::int64_t bound(const JsonValue& slice, std::size_t i, std::int64_t open) {
  return i < slice.size() && !slice[i].is_null() ? slice[i].get<std::int64_t>() : open;
}

/// The elements that list[start:stop:step] has in Python.
std::vector<const JsonValue*> sliced(const JsonValue& list, const JsonValue& slice) {
  const auto size = static_cast<std::int64_t>(list.size());
  const std::int64_t step = bound(slice, 2, 1);
  if (step == 0) throw CellFailure("ValueError", "slice step cannot be zero");
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto clamp = [&](std::int64_t i) { return std::clamp(i < 0 ? i + size : i, low, high); };
  const bool open_start = slice.empty() || slice[0].is_null(), open_stop = slice.size() < 2 || slice[1].is_null();
  const std::int64_t start = open_start ? (step > 0 ? low : high) : clamp(slice[0].get<std::int64_t>());
  const std::int64_t stop = open_stop ? (step > 0 ? high : low) : clamp(slice[1].get<std::int64_t>());
  std::vector<const JsonValue*> elements;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop; i += step)
    elements.push_back(&list[static_cast<std::size_t>(i)]);
  return elements;
}

JsonValue walk(const JsonValue& value, const JsonValue& steps, std::size_t depth);

JsonValue walk_each(const std::vector<const JsonValue*>& elements, const JsonValue& steps, std::size_t depth) {
  JsonValue result = JsonValue::array();
  for (const JsonValue* element : elements) result.push_back(walk(*element, steps, depth));
  return result;
}

/// The element that one key or index leads to; nullptr when there is none.
const JsonValue* child(const JsonValue& value, const JsonValue& step) {
  if (step.is_string() && value.is_object()) {
    const auto found = value.find(step.get_ref<const std::string&>());
    return found == value.end() ? nullptr : &*found;
  }
  if (!step.is_number_integer() || !value.is_array()) return nullptr;
  const auto size = static_cast<std::int64_t>(value.size());
  const auto index = step.get<std::int64_t>();
  const std::int64_t position = index < 0 ? index + size : index;
  return position < 0 || position >= size ? nullptr : &value[static_cast<std::size_t>(position)];
}

JsonValue walk(const JsonValue& value, const JsonValue& steps, std::size_t depth) {
  const JsonValue* at = &value;
  for (; depth < steps.size(); ++depth) {
    const JsonValue& step = steps[depth];
    if (step.is_array() || step == "*") {
      static const JsonValue kWhole = JsonValue::array();
      return at->is_array() ? walk_each(sliced(*at, step.is_array() ? step : kWhole), steps, depth + 1) : JsonValue();
    }
    at = child(*at, step);
    if (at == nullptr) return {};
  }
  return *at;
}

void path_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  out.reserve(rows);
  if (rows == 0) return;
  const JsonValue steps = cell_json(args[1], 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (args[0].is_null(row)) {
      out.append_null();
      continue;
    }
    detail::append_cell_or_error(out, [&] {
      const JsonValue found = walk(parse_json(args[0].text_at(row)), steps, 0);
      if (found.is_null())
        out.append_null();
      else
        out.append_text(json_cell(found).text);
    });
  }
}

/// SQL/JSON's strict mode takes an index of a list only and a key of an object only, as the engine does.
std::string strict_step(const JsonValue& step) {
  if (step.is_string()) return "." + json_cell(step).text;
  const auto index = step.get<std::int64_t>();
  if (index >= 0) return fmt::format("[{}]", index);
  return index == -1 ? "[last]" : fmt::format("[last - {}]", -(index + 1));
}

std::string path_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  const Value* literal = literal_of(args[1]);
  const auto* json = literal != nullptr ? std::get_if<Json>(literal) : nullptr;
  if (json == nullptr) return {};
  const JsonValue steps = parse_json(json->text);
  constexpr std::int64_t kMaxIndex = 1 << 30;
  bool keys_only = true;
  std::string arrows = sql[0], strict = "strict $";
  for (const JsonValue& step : steps) {
    const bool key = step.is_string() && step != "*";
    const bool index = step.is_number_integer() && std::abs(step.get<std::int64_t>()) < kMaxIndex;
    if ((!key && !index) || (key && step.get_ref<const std::string&>().find('\0') != std::string::npos)) return {};
    keys_only = keys_only && key;
    strict += strict_step(step);
    if (key) arrows += " -> " + sql_quoted(step.get_ref<const std::string&>());
  }
  if (keys_only) return fmt::format("nullif({}, 'null'::jsonb)", arrows);
  return fmt::format("nullif(jsonb_path_query_first({}, {}::jsonpath, '{{}}', true), 'null'::jsonb)", sql[0],
                     sql_quoted(strict));
}

void check_steps(const Value& literal) {
  const auto fail = [&] {
    throw Error(ErrorCode::kInvalidArgument,
                "JSON path: steps are keys, indexes, \"*\" and slices [start, stop, step], got " + literal.text());
  };
  const auto* json = std::get_if<Json>(&literal);
  if (json == nullptr) fail();
  const JsonValue steps = parse_json(json->text);
  if (!steps.is_array()) fail();
  for (const JsonValue& step : steps) {
    const bool slice =
        step.is_array() && step.size() <= 3 &&
        std::all_of(step.begin(), step.end(), [](const JsonValue& v) { return v.is_null() || v.is_number_integer(); });
    if (!step.is_string() && !step.is_number_integer() && !slice) fail();
  }
}

}  // namespace

JsonValue json_at_path(const JsonValue& value, const JsonValue& steps) {
  return walk(value, steps, 0);
}

void register_json_path() {
  register_function({.name = "op.path",
                     .parameters = {{"value", TypeKind::kJson}, {"steps", TypeKind::kJson}},
                     .return_type = Type(TypeKind::kJson, true),
                     .doc =
                         "What a path leads to in a JSON value; null when there is nothing. Steps are keys, indexes "
                         "(from the end when negative), \"*\" for all elements, and slices [start, stop, step]; what "
                         "follows \"*\" or a slice applies to each element.",
                     .example = "t.meta.tags[0]",
                     .kernel = path_kernel,
                     .infer =
                         [](std::span<const Type>, std::span<const Value* const> literals) {
                           if (literals[1] == nullptr)
                             throw Error(ErrorCode::kInvalidArgument, "JSON path: the steps must be a literal");
                           check_steps(*literals[1]);
                           return Type(TypeKind::kJson, true);
                         },
                     .to_sql = path_sql});
}

}  // namespace intarsia
