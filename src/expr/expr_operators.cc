// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "expr/binding.h"
#include "expr/node.h"
#include "intarsia/error.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

using Steps = nlohmann::ordered_json;

bool is_comparison(std::string_view name) {
  return name == "op.eq" || name == "op.ne" || name == "op.lt" || name == "op.le" || name == "op.gt" || name == "op.ge";
}

/// `x == None` tests for null; a string beside a time is that time.
void normalize_comparison(std::string& name, std::vector<Expr>& args) {
  if (is_null_literal(args[0])) std::swap(args[0], args[1]);
  if (is_null_literal(args[1])) {
    if (name != "op.eq" && name != "op.ne")
      throw Error(ErrorCode::kTypeMismatch, "None has no order; only == and != compare with None");
    name = name == "op.eq" ? "op.is_null" : "op.is_not_null";
    args.pop_back();
    return;
  }
  const TypeKind left = args[0].type().kind(), right = args[1].type().kind();
  if (left != TypeKind::kJson) args[1] = literal_as(args[1], left);
  if (right != TypeKind::kJson) args[0] = literal_as(args[0], right);
}

void require_conditions(std::string_view name, const std::vector<Expr>& args) {
  const std::string_view symbol = name == "op.and" ? "&" : name == "op.or" ? "|" : "~";
  for (std::size_t i = 0; i < args.size(); ++i) {
    const TypeKind kind = args[i].type().kind();
    if (kind == TypeKind::kBool || kind == TypeKind::kJson) continue;
    const std::string_view side = args.size() == 1 ? "its" : i == 0 ? "left" : "right";
    throw Error(ErrorCode::kTypeMismatch, fmt::format("{} requires conditions (Bool), but {} operand has type `{}`",
                                                      symbol, side, args[i].type().text()));
  }
}

Steps parse_steps(const Expr& steps) {
  const auto* json = steps.kind() == Expr::Kind::kLiteral ? std::get_if<Json>(&steps.value()) : nullptr;
  Steps parsed = json == nullptr ? Steps() : Steps::parse(json->text, nullptr, false);
  if (!parsed.is_array()) throw Error(ErrorCode::kInvalidArgument, "a JSON path is a list of steps");
  for (Steps& step : parsed) {
    if (step.is_object() && step.contains("all"))
      step = "*";
    else if (step.is_object() && step.contains("slice"))
      step = Steps(step["slice"]);
  }
  return parsed;
}

/// One path instead of a path into what a path leads to.
void normalize_path(std::vector<Expr>& args) {
  if (args[0].type().kind() != TypeKind::kJson)
    throw Error(ErrorCode::kInvalidExpression, fmt::format("Type {} is not subscriptable", args[0].type().text()));
  Steps steps = parse_steps(args[1]);
  const Expr whole = args[0];
  if (whole.is_call("op.path")) {
    Steps longer = parse_steps(whole.args()[1]);
    for (Steps& step : steps) longer.push_back(std::move(step));
    steps = std::move(longer);
    args[0] = whole.args()[0];
  }
  args[1] = Expr(Json{steps.dump()});
}

/// A value of an `isin` list as the list holds it, for a column of `kind`.
std::string member_json(const Value& value, TypeKind kind) {
  return value.is_null() ? "null"
                         : json_of(literal_as(Expr(value), kind == TypeKind::kJson ? TypeKind::kBinary : kind).value());
}

Expr binary(std::string_view name, const Expr& a, const Expr& b) {
  return Expr::call(name, {a, b});
}

}  // namespace

void normalize_operator(std::string& name, std::vector<Expr>& args) {
  for (const Expr& arg : args)
    if (arg.empty()) throw Error(ErrorCode::kInvalidExpression, "an operand is an empty expression");
  if (is_comparison(name))
    normalize_comparison(name, args);
  else if (name == "op.and" || name == "op.or" || name == "op.not")
    require_conditions(name, args);
  else if (name == "op.path")
    normalize_path(args);
}

Expr Expr::operator[](std::string_view key) const {
  return path(Json{"[" + json_string(key) + "]"});
}

Expr Expr::operator[](std::int64_t index) const {
  return path(Json{fmt::format("[{}]", index)});
}

Expr Expr::path(const Json& steps) const {
  return call("op.path", {*this, Expr(Value(steps))});
}

Expr Expr::astype(const Type& type) const {
  return call("op.cast", {*this, Expr(Value(type.json()))});
}

Expr Expr::isin(const std::vector<Value>& values) const {
  std::string list;
  for (const Value& value : values) list += (list.empty() ? "" : ", ") + member_json(value, type().kind());
  return call("op.in", {*this, Expr(Value(Json{"[" + list + "]"}))});
}

Expr Expr::is_null() const {
  return call("op.is_null", {*this});
}

Expr operator+(const Expr& a, const Expr& b) {
  return binary("op.add", a, b);
}
Expr operator-(const Expr& a, const Expr& b) {
  return binary("op.sub", a, b);
}
Expr operator*(const Expr& a, const Expr& b) {
  return binary("op.mul", a, b);
}
Expr operator/(const Expr& a, const Expr& b) {
  return binary("op.div", a, b);
}
Expr operator%(const Expr& a, const Expr& b) {
  return binary("op.mod", a, b);
}
Expr operator-(const Expr& a) {
  return Expr::call("op.neg", {a});
}
Expr operator==(const Expr& a, const Expr& b) {
  return binary("op.eq", a, b);
}
Expr operator!=(const Expr& a, const Expr& b) {
  return binary("op.ne", a, b);
}
Expr operator<(const Expr& a, const Expr& b) {
  return binary("op.lt", a, b);
}
Expr operator<=(const Expr& a, const Expr& b) {
  return binary("op.le", a, b);
}
Expr operator>(const Expr& a, const Expr& b) {
  return binary("op.gt", a, b);
}
Expr operator>=(const Expr& a, const Expr& b) {
  return binary("op.ge", a, b);
}
Expr operator&&(const Expr& a, const Expr& b) {
  return binary("op.and", a, b);
}
Expr operator||(const Expr& a, const Expr& b) {
  return binary("op.or", a, b);
}
Expr operator!(const Expr& a) {
  return Expr::call("op.not", {a});
}

}  // namespace intarsia
