// SPDX-License-Identifier: Apache-2.0
#include "expr/binding.h"

#include <fmt/format.h>

#include <algorithm>

#include "expr/node.h"
#include "intarsia/error.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

constexpr std::string_view kImplicitMark = "\"implicit\":true";

std::string signature(const Function& function) {
  std::string text;
  for (const Parameter& parameter : function.parameters)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", parameter.name, parameter.type.text());
  return fmt::format("({})", text);
}

[[noreturn]] void fail_arguments(const Function& function, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}(): {}; expected {}", short_name(function.name), what, signature(function)));
}

[[noreturn]] void fail_type(const Function& function, const Parameter& parameter, const Expr& arg) {
  throw Error(ErrorCode::kTypeMismatch,
              fmt::format("Parameter '{}' (in function '{}'): argument type {} does not match parameter type {}",
                          parameter.name, short_name(function.name), is_null_literal(arg) ? "None" : arg.type().text(),
                          parameter.type.text()));
}

bool is_scalar(TypeKind kind) {
  return kind <= TypeKind::kUuid;
}

/// `arg` as the parameter takes it.
Expr fitted(const Function& function, const Parameter& parameter, const Expr& given) {
  const Type& wanted = parameter.type;
  if (given.empty()) fail_arguments(function, fmt::format("argument '{}' is an empty expression", parameter.name));
  if (parameter.any_kind) return given;
  if (is_null_literal(given)) {
    const bool null_is_default = parameter.default_value && parameter.default_value->is_null();
    if (!wanted.nullable() && !null_is_default) fail_type(function, parameter, given);
    return Expr::literal({}, wanted.as_nullable());
  }
  Expr arg = literal_as(given, wanted.kind());
  const TypeKind kind = arg.type().kind();
  if (wanted.as_nullable().accepts(arg.type())) return arg;
  if (wanted.kind() == TypeKind::kFloat && kind == TypeKind::kInt) return arg;
  const bool from_json = kind == TypeKind::kJson && is_scalar(wanted.kind());
  const bool to_json = wanted.kind() == TypeKind::kJson && is_scalar(kind);
  if (!from_json && !to_json) fail_type(function, parameter, arg);
  return implicit_cast(arg, wanted);
}

}  // namespace

std::string_view short_name(std::string_view function) {
  const std::size_t at = function.find_last_of(".:");
  return at == std::string_view::npos ? function : function.substr(at + 1);
}

bool is_null_literal(const Expr& expr) {
  return !expr.empty() && expr.kind() == Expr::Kind::kLiteral && expr.value().is_null();
}

std::string json_of(const Value& value) {
  switch (value.type().kind()) {
    case TypeKind::kInt:
      return std::to_string(value.as<std::int64_t>());
    case TypeKind::kFloat:
      return json_number(value.as<double>());
    case TypeKind::kBool:
      return value.as<bool>() ? "true" : "false";
    case TypeKind::kString:
      return json_string(value.as<std::string>());
    case TypeKind::kTimestamp:
      return json_string(iso_text(value.as<Timestamp>()));
    case TypeKind::kDate:
      return json_string(iso_text(value.as<Date>()));
    case TypeKind::kUuid:
      return json_string(value.as<Uuid>().text());
    case TypeKind::kJson:
      return value.is_null() ? "null" : value.as<Json>().text;
    default:
      throw Error(ErrorCode::kTypeMismatch, fmt::format("{} has no JSON form", value.text()));
  }
}

Expr literal_as(const Expr& expr, TypeKind kind) {
  if (expr.kind() != Expr::Kind::kLiteral || expr.value().is_null() || expr.type().kind() == kind) return expr;
  const TypeKind from = expr.type().kind();
  if (kind == TypeKind::kJson && is_scalar(from)) return Expr(Json{json_of(expr.value())});
  if (kind == TypeKind::kTimestamp && from == TypeKind::kDate)
    return Expr(Timestamp{expr.value().as<Date>().days * std::int64_t{86'400'000'000}});
  if (from != TypeKind::kString) return expr;
  const auto& text = expr.value().as<std::string>();
  if (kind == TypeKind::kTimestamp) return Expr(parse_iso_timestamp(text));
  if (kind == TypeKind::kDate) return Expr(parse_iso_date(text));
  if (kind == TypeKind::kUuid) return Expr(Uuid::parse(text));
  return expr;
}

Expr implicit_cast(const Expr& expr, const Type& type) {
  const Type to = type.as_nullable(expr.type().nullable());
  const std::string fields = fmt::format("{{{},{}", kImplicitMark, to.json().substr(1));
  return ExprNode::make(
      {.kind = Expr::Kind::kCall, .type = to, .name = "op.cast", .args = {expr, Expr(Value(fields))}});
}

bool is_implicit_cast(const Expr& expr) {
  return expr.is_call("op.cast") && expr.args()[1].value().as<std::string>().find(kImplicitMark) != std::string::npos;
}

std::vector<Expr> bind_arguments(const Function& function, std::vector<Expr> positional, NamedArgs named) {
  const auto& parameters = function.parameters;
  std::vector<Expr> args(parameters.size());
  for (std::size_t i = 0; i < positional.size(); ++i) {
    if (i >= parameters.size() || parameters[i].keyword_only) fail_arguments(function, "too many positional arguments");
    args[i] = std::move(positional[i]);
  }
  std::vector<bool> given(parameters.size());
  std::fill_n(given.begin(), positional.size(), true);
  for (auto& [name, arg] : named) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&, &wanted = name](const auto& p) { return p.name == wanted; });
    if (found == parameters.end())
      fail_arguments(function, fmt::format("got an unexpected keyword argument '{}'", name));
    const auto at = static_cast<std::size_t>(found - parameters.begin());
    if (given[at]) fail_arguments(function, fmt::format("multiple values for argument '{}'", name));
    args[at] = std::move(arg);
    given[at] = true;
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    if (given[i]) {
      args[i] = fitted(function, parameter, args[i]);
    } else if (parameter.default_value) {
      const Value& value = *parameter.default_value;
      args[i] = parameter.any_kind ? Expr(value) : Expr::literal(value, parameter.type.as_nullable(value.is_null()));
    } else {
      fail_arguments(function, fmt::format("missing a required argument: '{}'", parameter.name));
    }
  }
  return args;
}

Type result_type(const Function& function, const std::vector<Expr>& args) {
  Type result = function.return_type;
  if (function.infer) {
    std::vector<Type> types;
    std::vector<const Value*> literals;
    for (const Expr& arg : args) {
      types.push_back(arg.type());
      literals.push_back(arg.kind() == Expr::Kind::kLiteral ? &arg.value() : nullptr);
    }
    result = function.infer(types, literals);
  }
  for (std::size_t i = 0; i < args.size(); ++i)
    if (args[i].type().nullable() && !function.parameters[i].type.nullable()) return result.as_nullable();
  return result;
}

}  // namespace intarsia
