// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <compare>
#include <limits>

#include "function/operators.h"
#include "intarsia/expr.h"

namespace intarsia {
namespace {

using Ordering = std::partial_ordering;

/// One of the six comparisons. Strings order by code point; NaN is unequal to all and neither less nor greater.
struct Comparison {
  std::string_view name, symbol, sql, doc;
  bool (*holds)(Ordering);
  bool is_equality = false;
};

constexpr Comparison kComparisons[] = {
    {"op.eq", "==", "=", "Whether two values are equal.", [](Ordering o) { return std::is_eq(o); }, true},
    {"op.ne", "!=", "<>", "Whether two values differ.", [](Ordering o) { return std::is_neq(o); }, true},
    {"op.lt", "<", "<", "Whether the left value is less.", [](Ordering o) { return std::is_lt(o); }},
    {"op.le", "<=", "<=", "Whether the left value is less or equal.", [](Ordering o) { return std::is_lteq(o); }},
    {"op.gt", ">", ">", "Whether the left value is greater.", [](Ordering o) { return std::is_gt(o); }},
    {"op.ge", ">=", ">=", "Whether the left value is greater or equal.", [](Ordering o) { return std::is_gteq(o); }},
};

bool counts_as_int(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kBool;
}
bool counts_as_number(TypeKind kind) {
  return counts_as_int(kind) || kind == TypeKind::kFloat;
}

bool comparable(TypeKind a, TypeKind b) {
  if (a == TypeKind::kJson || b == TypeKind::kJson) return a < TypeKind::kArray && b < TypeKind::kArray;
  if (counts_as_number(a) && counts_as_number(b)) return true;
  return a == b && (a < TypeKind::kJson || a == TypeKind::kBinary);
}

std::int64_t int_cell(const Column& column, std::int64_t row) {
  return column.type().kind() == TypeKind::kBool ? column.bool_at(row) : column.int_at(row);
}

Ordering compare_number_cells(const Column& a, const Column& b, std::int64_t row) {
  const bool a_int = counts_as_int(a.type().kind()), b_int = counts_as_int(b.type().kind());
  if (a_int && b_int) return int_cell(a, row) <=> int_cell(b, row);
  if (a_int) return compare_numbers(int_cell(a, row), b.float_at(row));
  if (b_int) return 0 <=> compare_numbers(int_cell(b, row), a.float_at(row));
  return a.float_at(row) <=> b.float_at(row);
}

Ordering compare_cells(const Column& a, const Column& b, std::int64_t row) {
  switch (a.type().kind()) {
    case TypeKind::kTimestamp:
      return a.timestamp_at(row) <=> b.timestamp_at(row);
    case TypeKind::kDate:
      return a.date_at(row) <=> b.date_at(row);
    case TypeKind::kUuid:
      return a.uuid_at(row) <=> b.uuid_at(row);
    case TypeKind::kString:
    case TypeKind::kBinary:
      return a.text_at(row) <=> b.text_at(row);
    default:
      return compare_number_cells(a, b, row);
  }
}

/// A Json operand is compared by what it holds: values of different kinds are unequal, and have no order (null).
void compare_json_cells(const Comparison& comparison, const Column& a, const Column& b, std::int64_t row,
                        ColumnBuilder& out) {
  const JsonValue left = cell_json(a, row), right = cell_json(b, row);
  if (comparison.is_equality)
    return out.append_bool(equal_json(left, right) == (comparison.holds(Ordering::equivalent)));
  const Ordering order = compare_json(left, right);
  if (order == Ordering::unordered) return out.append_null();
  out.append_bool(comparison.holds(order));
}

Kernel comparison_kernel(const Comparison& comparison) {
  return [&comparison](std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
    const Column &a = args[0], &b = args[1];
    const bool json = a.type().kind() == TypeKind::kJson || b.type().kind() == TypeKind::kJson;
    out.reserve(rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      if (json)
        detail::append_cell_or_error(out, [&] { compare_json_cells(comparison, a, b, row, out); });
      else if (a.is_null(row) || b.is_null(row))
        out.append_null();
      else
        out.append_bool(comparison.holds(compare_cells(a, b, row)));
    }
  };
}

Type comparison_type(const Comparison& comparison, std::span<const Type> types) {
  if (!comparable(types[0].kind(), types[1].kind()))
    throw Error(ErrorCode::kTypeMismatch, fmt::format("'{}' not supported between `{}` and `{}`", comparison.symbol,
                                                      types[0].text(), types[1].text()));
  const bool json = types[0].kind() == TypeKind::kJson || types[1].kind() == TypeKind::kJson;
  if (json) return Type(TypeKind::kBool, !comparison.is_equality);
  return Type(TypeKind::kBool, types[0].nullable() || types[1].nullable());
}

// ---- SQL -----------------------------------------------------------------------------------------------------------

constexpr double kExactInts = 9007199254740992.0;  // 2^53: a double holds every integer up to here

/// PostgreSQL's NaN equals itself and is greater than all; Python's is neither.
std::string float_sql(const Comparison& c, std::span<const Expr> args, std::span<const std::string> sql) {
  const bool differs = c.holds(Ordering::unordered);
  const std::string plain = fmt::format("({} {} {})", sql[0], c.sql, sql[1]);
  for (std::size_t i = 0; i < 2; ++i) {
    const Value* literal = literal_of(args[i]);
    if (literal == nullptr) continue;
    const double* number = std::get_if<double>(literal);
    if (number != nullptr && std::isnan(*number)) return {};
    const bool nan_would_hold = c.holds(i == 1 ? Ordering::greater : Ordering::less);
    if (nan_would_hold == differs) return plain;
    return fmt::format("({} and {} <> 'NaN'::float8)", plain, sql[1 - i]);
  }
  return fmt::format(
      "(case when ({0} = 'NaN'::float8 or {1} = 'NaN'::float8) and {0} is not null and {1} is not null then {2} else "
      "{3} "
      "end)",
      sql[0], sql[1], differs, plain);
}

/// An Int against a Float: exact in float8 only where the literal among them is small enough.
std::string mixed_sql(const Comparison& c, std::span<const Expr> args, std::span<const std::string> sql) {
  for (const Expr& arg : args) {
    const Value* literal = literal_of(arg);
    if (literal == nullptr) continue;
    const auto* real = std::get_if<double>(literal);
    if (real != nullptr) return std::abs(*real) < kExactInts ? fmt::format("({} {} {})", sql[0], c.sql, sql[1]) : "";
    const auto* whole = std::get_if<std::int64_t>(literal);
    if (whole != nullptr && std::abs(static_cast<double>(*whole)) < kExactInts) return float_sql(c, args, sql);
  }
  return {};
}

/// The literal as the text of a JSON scalar whose comparison in PostgreSQL is that of the engine; empty: none.
std::string json_literal(const Value* literal) {
  if (literal == nullptr) return {};
  if (const auto* b = std::get_if<bool>(literal)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<std::int64_t>(literal))
    return std::abs(static_cast<double>(*i)) < kExactInts ? std::to_string(*i) : "";
  if (const auto* d = std::get_if<double>(literal)) return std::abs(*d) < kExactInts ? fmt::format("{}", *d) : "";
  if (const auto* s = std::get_if<std::string>(literal)) {
    if (s->find('\0') != std::string::npos) return {};
    return json_cell(JsonValue(*s)).text;
  }
  return {};
}

std::string_view jsonb_type(const Value& literal) {
  if (std::holds_alternative<bool>(literal)) return "boolean";
  return std::holds_alternative<std::string>(literal) ? "string" : "number";
}

std::string json_sql(const Comparison& c, std::span<const Expr> args, std::span<const std::string> sql) {
  const std::size_t json_side = args[0].type().kind() == TypeKind::kJson ? 0 : 1;
  const Value* literal = literal_of(args[1 - json_side]);
  const std::string text = json_literal(literal);
  if (text.empty() || literal_of(args[json_side]) != nullptr) return {};
  const std::string& json = sql[json_side];
  if (c.is_equality)
    return fmt::format("coalesce({} {} {}::jsonb, {})", json, c.sql, sql_quoted(text), c.holds(Ordering::unordered));
  std::string ordered, other;
  if (std::holds_alternative<std::string>(*literal)) {
    ordered = fmt::format("({} #>> '{{}}') collate \"C\"", json);
    other = sql_quoted(std::get<std::string>(*literal));
  } else {
    const std::string_view type = std::holds_alternative<bool>(*literal) ? "boolean" : "numeric";
    ordered = fmt::format("({})::{}", json, type);
    other = fmt::format("'{}'::{}", text, type);
  }
  return fmt::format("(case when jsonb_typeof({}) = '{}' then {} {} {} end)", json, jsonb_type(*literal),
                     json_side == 0 ? ordered : other, c.sql, json_side == 0 ? other : ordered);
}

std::string comparison_sql(const Comparison& c, std::span<const Expr> args, std::span<const std::string> sql) {
  const TypeKind a = args[0].type().kind(), b = args[1].type().kind();
  if (a == TypeKind::kJson || b == TypeKind::kJson) return json_sql(c, args, sql);
  if (a == TypeKind::kFloat && b == TypeKind::kFloat) return float_sql(c, args, sql);
  if (a != b) return a == TypeKind::kBool || b == TypeKind::kBool ? std::string() : mixed_sql(c, args, sql);
  const std::string_view collate = a == TypeKind::kString && !c.is_equality ? " collate \"C\"" : "";
  return fmt::format("({}{} {} {})", sql[0], collate, c.sql, sql[1]);
}

}  // namespace

void register_comparisons() {
  for (const Comparison& comparison : kComparisons)
    register_function(
        {.name = std::string(comparison.name),
         .parameters = {any_parameter("left"), any_parameter("right")},
         .return_type = Type(TypeKind::kBool, true),
         .doc =
             fmt::format("{} Null when either is null, except that a Json compares by what it holds.", comparison.doc),
         .example = fmt::format("t.price {} 5", comparison.symbol),
         .kernel = comparison_kernel(comparison),
         .infer = [&comparison](std::span<const Type> types,
                                std::span<const Value* const>) { return comparison_type(comparison, types); },
         .to_sql = [&comparison](std::span<const Expr> args,
                                 std::span<const std::string> sql) { return comparison_sql(comparison, args, sql); }});
}

}  // namespace intarsia
