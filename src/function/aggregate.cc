// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "function/operators.h"
#include "intarsia/expr.h"

namespace intarsia {
namespace {

Type check_kind(std::string_view name, const Type& type, bool accepted) {
  if (!accepted) throw Error(ErrorCode::kTypeMismatch, fmt::format("{}() does not take {}", name, type.text()));
  return type.as_nullable();
}

/// Sums of Int are exact in PostgreSQL's numeric and Int again; one that does not fit 64 bits is an error there too.
std::string sum_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  return fmt::format("sum({}){}", sql[0], args[0].type().kind() == TypeKind::kInt ? "::bigint" : "");
}

std::string extreme_sql(std::string_view name, std::span<const Expr> args, std::span<const std::string> sql) {
  switch (args[0].type().kind()) {
    case TypeKind::kString:
      return fmt::format("{}({} collate \"C\")", name, sql[0]);
    case TypeKind::kBool:
      return fmt::format("bool_{}({})", name == "min" ? "and" : "or", sql[0]);
    default:
      return fmt::format("{}({})", name, sql[0]);
  }
}

void register_aggregate(std::string name, std::string doc,
                        std::function<Type(std::span<const Type>, std::span<const Value* const>)> infer,
                        std::function<std::string(std::span<const Expr>, std::span<const std::string>)> to_sql) {
  register_function({.name = "agg." + name,
                     .parameters = {any_parameter("val")},
                     .return_type = Type(TypeKind::kJson, true),
                     .doc = std::move(doc),
                     .example = fmt::format("pxt.functions.{}(t.price)", name),
                     .kernel = nullptr,
                     .infer = std::move(infer),
                     .to_sql = std::move(to_sql),
                     .is_aggregate = true});
}

void register_extreme(std::string_view name, std::string doc) {
  register_aggregate(
      std::string(name), std::move(doc),
      [name](auto types, auto) {
        const TypeKind kind = types[0].kind();
        return check_kind(name, types[0], kind <= TypeKind::kDate);
      },
      [name](auto args, auto sql) { return extreme_sql(name, args, sql); });
}

}  // namespace

void register_aggregate_functions() {
  register_aggregate(
      "sum", "The sum of all values that are not null; null when there are none.",
      [](auto types, auto) { return check_kind("sum", types[0], types[0].is_numeric()); }, sum_sql);
  register_aggregate(
      "count", "How many values are not null.", [](auto, auto) { return Type(TypeKind::kInt); },
      [](auto, auto sql) { return fmt::format("count({})", sql[0]); });
  register_extreme("min", "The least value; null when there are none. Strings order by code point.");
  register_extreme("max", "The greatest value; null when there are none. Strings order by code point.");
  register_aggregate(
      "mean", "The mean of all values that are not null, as a Float; null when there are none.",
      [](auto types, auto) {
        check_kind("mean", types[0], types[0].is_numeric());
        return Type(TypeKind::kFloat, true);
      },
      [](auto, auto sql) { return fmt::format("avg({})::float8", sql[0]); });
}

}  // namespace intarsia
