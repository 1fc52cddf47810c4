// SPDX-License-Identifier: Apache-2.0
// and, or, not with three values, tests for null, membership.
#include <fmt/format.h>

#include <cmath>
#include <unordered_set>

#include "function/operators.h"
#include "intarsia/expr.h"

namespace intarsia {
namespace {

using Literals = std::span<const Value* const>;

const Type kMaybe(TypeKind::kBool, true);

/// Null only where neither operand decides: false decides `and`, true decides `or`.
template <bool kDecides>
std::optional<bool> combine(std::optional<bool> a, std::optional<bool> b) {
  if (a == kDecides || b == kDecides) return kDecides;
  if (!a || !b) return std::nullopt;
  return !kDecides;
}

Type any_nullable(std::span<const Type> types, Literals) {
  for (const Type& type : types)
    if (type.nullable()) return kMaybe;
  return TypeKind::kBool;
}

bool cell_is_null(const Column& column, std::int64_t row) {
  return column.is_null(row) || (column.type().kind() == TypeKind::kJson && column.text_at(row) == "null");
}

template <bool kWanted>
void null_test_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  out.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) out.append_bool(cell_is_null(args[0], row) == kWanted);
}

std::string null_test_sql(std::span<const Expr> args, std::span<const std::string> sql, bool wanted) {
  if (args[0].type().kind() != TypeKind::kJson) return fmt::format("({} is {}null)", sql[0], wanted ? "" : "not ");
  return fmt::format("({}coalesce({} = 'null'::jsonb, true))", wanted ? "" : "not ", sql[0]);
}

// ---- isin ----------------------------------------------------------------------------------------------------------

/// The values of one `isin`, prepared once per batch.
class ValueSet {
 public:
  explicit ValueSet(JsonValue values) : values_(std::move(values)) {
    if (!values_.is_array())
      throw Error(ErrorCode::kInvalidArgument, "isin(): needs a list of values, got " + values_.dump());
    for (const JsonValue& value : values_) {
      has_null_ = has_null_ || value.is_null();
      if (value.is_number_integer())
        ints_.insert(value.get<std::int64_t>());
      else if (value.is_string())
        texts_.insert(value.get_ref<const std::string&>());
      else if (!value.is_null())
        has_others_ = true;
    }
  }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] bool has_null() const { return has_null_; }
  [[nodiscard]] bool contains(const Column& column, std::int64_t row) const {
    const TypeKind kind = column.type().kind();
    if (kind == TypeKind::kInt && !has_others_) return ints_.contains(column.int_at(row));
    if (kind == TypeKind::kString) return texts_.contains(std::string(column.text_at(row)));
    const JsonValue cell = cell_json(column, row);
    return std::any_of(values_.begin(), values_.end(), [&](const JsonValue& v) { return equal_json(v, cell); });
  }

 private:
  JsonValue values_;
  std::unordered_set<std::int64_t> ints_;
  std::unordered_set<std::string> texts_;
  bool has_null_ = false, has_others_ = false;
};

void in_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  out.reserve(rows);
  if (rows == 0) return;
  const ValueSet values(cell_json(args[1], 0));
  for (std::int64_t row = 0; row < rows; ++row) {
    if (values.empty())
      out.append_bool(false);
    else if (args[0].is_null(row))
      out.append_null();
    else if (values.contains(args[0], row))
      out.append_bool(true);
    else if (values.has_null())
      out.append_null();
    else
      out.append_bool(false);
  }
}

/// One value of the list as SQL of the column's kind; empty: it has none that means the same.
std::string element_sql(const JsonValue& value, TypeKind kind) {
  if (value.is_null()) return "null";
  switch (kind) {
    case TypeKind::kInt:
      return value.is_number_integer() && !value.is_number_unsigned() ? value.dump() + "::bigint" : "";
    case TypeKind::kFloat:
      return value.is_number_float() ? "'" + value.dump() + "'::float8" : "";
    case TypeKind::kBool:
      return value.is_boolean() ? value.dump() : "";
    case TypeKind::kString:
      return value.is_string() && value.get_ref<const std::string&>().find('\0') == std::string::npos
                 ? sql_quoted(value.get_ref<const std::string&>())
                 : "";
    default:
      return {};
  }
}

std::string in_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  const Value* literal = literal_of(args[1]);
  const auto* json = literal != nullptr ? std::get_if<Json>(literal) : nullptr;
  if (json == nullptr) return {};
  const JsonValue values = parse_json(json->text);
  if (!values.is_array()) return {};
  if (values.empty()) return "false";
  std::string list;
  for (const JsonValue& value : values) {
    // nlohmann reads small whole numbers as unsigned
    const JsonValue plain = value.is_number_unsigned() && value.get<std::uint64_t>() <= INT64_MAX
                                ? JsonValue(value.get<std::int64_t>())
                                : value;
    const std::string element = element_sql(plain, args[0].type().kind());
    if (element.empty()) return {};
    list += (list.empty() ? "" : ", ") + element;
  }
  return fmt::format("({} in ({}))", sql[0], list);
}

Type in_type(std::span<const Type> types, Literals literals) {
  const TypeKind kind = types[0].kind();
  if (kind >= TypeKind::kArray)
    throw Error(ErrorCode::kTypeMismatch, "isin(): only supported for scalar types, not " + types[0].text());
  if (literals[1] != nullptr && !std::holds_alternative<Json>(*literals[1]))
    throw Error(ErrorCode::kInvalidArgument, "isin(): needs a list of values, got " + literals[1]->text());
  return kMaybe;
}

}  // namespace

void register_logic() {
  const Parameter left{"left", kMaybe}, right{"right", kMaybe};
  register_function({.name = "op.and",
                     .parameters = {left, right},
                     .return_type = kMaybe,
                     .doc = "Whether both conditions hold. False when one is false, else null when one is null.",
                     .example = "(t.price > 1) & (t.price < 5)",
                     .kernel = scalar_kernel(combine<false>),
                     .infer = any_nullable,
                     .sql = "({0} and {1})"});
  register_function({.name = "op.or",
                     .parameters = {left, right},
                     .return_type = kMaybe,
                     .doc = "Whether one of the conditions holds. True when one is true, else null when one is null.",
                     .example = "(t.price < 1) | (t.price > 5)",
                     .kernel = scalar_kernel(combine<true>),
                     .infer = any_nullable,
                     .sql = "({0} or {1})"});
  register_function({.name = "op.not",
                     .parameters = {{"value", kMaybe}},
                     .return_type = kMaybe,
                     .doc = "Whether the condition does not hold. Null for null.",
                     .example = "~(t.price > 1)",
                     .kernel = scalar_kernel([](bool value) { return !value; }),
                     .infer = any_nullable,
                     .sql = "(not {0})"});
  register_function({.name = "op.is_null",
                     .parameters = {any_parameter("value")},
                     .return_type = TypeKind::kBool,
                     .doc = "Whether the cell has no value; true also for JSON's null.",
                     .example = "t.price == None",
                     .kernel = null_test_kernel<true>,
                     .to_sql = [](auto args, auto sql) { return null_test_sql(args, sql, true); }});
  register_function({.name = "op.is_not_null",
                     .parameters = {any_parameter("value")},
                     .return_type = TypeKind::kBool,
                     .doc = "Whether the cell has a value.",
                     .example = "t.price != None",
                     .kernel = null_test_kernel<false>,
                     .to_sql = [](auto args, auto sql) { return null_test_sql(args, sql, false); }});
  register_function({.name = "op.in",
                     .parameters = {any_parameter("value"), {"values", TypeKind::kJson}},
                     .return_type = kMaybe,
                     .doc =
                         "Whether the value is in a list; times and UUIDs stand in it as text. Null for a null value, "
                         "and when it is not found in a list that has a null.",
                     .example = "t.id.isin([1, 2])",
                     .kernel = in_kernel,
                     .infer = in_type,
                     .to_sql = in_sql});
}

}  // namespace intarsia
