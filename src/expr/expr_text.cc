// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "expr/binding.h"
#include "expr/node.h"
#include "intarsia/function.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

enum class Form { kArithmetic, kComparison, kLogic };

struct BinarySymbol {
  std::string_view name, symbol;
  Form form;
};
constexpr std::array<BinarySymbol, 14> kBinarySymbols = {{{"op.add", "+", Form::kArithmetic},
                                                          {"op.sub", "-", Form::kArithmetic},
                                                          {"op.mul", "*", Form::kArithmetic},
                                                          {"op.div", "/", Form::kArithmetic},
                                                          {"op.floordiv", "//", Form::kArithmetic},
                                                          {"op.mod", "%", Form::kArithmetic},
                                                          {"op.eq", "==", Form::kComparison},
                                                          {"op.ne", "!=", Form::kComparison},
                                                          {"op.lt", "<", Form::kComparison},
                                                          {"op.le", "<=", Form::kComparison},
                                                          {"op.gt", ">", Form::kComparison},
                                                          {"op.ge", ">=", Form::kComparison},
                                                          {"op.and", "&", Form::kLogic},
                                                          {"op.or", "|", Form::kLogic}}};

const BinarySymbol* binary_symbol(const Expr& expr) {
  if (expr.kind() != Expr::Kind::kCall || expr.args().size() != 2) return nullptr;
  for (const BinarySymbol& entry : kBinarySymbols)
    if (entry.name == expr.name()) return &entry;
  return nullptr;
}

Expr without_implicit_cast(const Expr& expr) {
  return is_implicit_cast(expr) ? expr.args()[0] : expr;
}

/// Its text needs parentheses before ".method()" and inside arithmetic.
bool is_compound(const Expr& expr) {
  return binary_symbol(expr) != nullptr || expr.is_call("op.neg") || expr.is_call("op.not") ||
         expr.is_call("op.is_null") || expr.is_call("op.is_not_null");
}

std::string operand_text(const Expr& expr) {
  const Expr shown = without_implicit_cast(expr);
  return is_compound(shown) ? "(" + shown.text() + ")" : shown.text();
}

std::string logic_text(const Expr& expr, const BinarySymbol& logic) {
  std::string text;
  for (const Expr& arg : expr.args()) {
    const Expr shown = without_implicit_cast(arg);
    if (!text.empty()) text += fmt::format(" {} ", logic.symbol);
    text += shown.is_call(logic.name) ? shown.text() : "(" + shown.text() + ")";
  }
  return text;
}

std::string binary_text(const Expr& expr, const BinarySymbol& entry) {
  if (entry.form == Form::kLogic) return logic_text(expr, entry);
  const auto side = [&](const Expr& arg) {
    const Expr shown = without_implicit_cast(arg);
    const BinarySymbol* inner = binary_symbol(shown);
    const bool plain = entry.form == Form::kComparison && inner != nullptr && inner->form == Form::kArithmetic;
    return plain ? shown.text() : operand_text(shown);
  };
  return fmt::format("{} {} {}", side(expr.args()[0]), entry.symbol, side(expr.args()[1]));
}

nlohmann::ordered_json steps_of(const Expr& path) {
  return nlohmann::ordered_json::parse(path.args()[1].value().as<Json>().text);
}

std::string slice_text(const nlohmann::ordered_json& bounds) {
  std::string text;
  for (std::size_t i = 0; i < std::max<std::size_t>(bounds.size(), 2); ++i) {
    const bool open = i >= bounds.size() || bounds[i].is_null();
    if (i == 2 && open) break;
    text += fmt::format("{}{}", i == 0 ? "" : ":", open ? "" : bounds[i].dump());
  }
  return text;
}

std::string steps_text(const nlohmann::ordered_json& steps) {
  std::string text;
  for (const auto& step : steps) {
    if (step.is_number())
      text += fmt::format("[{}]", step.dump());
    else if (step.is_array())
      text += fmt::format("[{}]", slice_text(step));
    else if (step == "*")
      text += "[*]";
    else
      text += "." + step.get<std::string>();
  }
  return text;
}

/// A function of this process; nothing is imported for it.
const Function* known_function(const std::string& name) {
  return name.find(':') == std::string::npos ? find_function(name) : nullptr;
}

bool is_default(const Expr& arg, const Parameter& parameter) {
  if (arg.kind() != Expr::Kind::kLiteral || !parameter.default_value) return false;
  return arg.same_as(Expr::literal(*parameter.default_value, arg.type()));
}

std::string arguments_text(const Expr& call, const Function* function, std::size_t first) {
  std::string text;
  bool by_name = false;
  for (std::size_t i = first; i < call.args().size(); ++i) {
    const Expr arg = without_implicit_cast(call.args()[i]);
    if (!text.empty()) text += ", ";
    if (function == nullptr || i >= function->parameters.size()) {
      text += arg.text();
      continue;
    }
    const Parameter& parameter = function->parameters[i];
    if (is_default(arg, parameter)) {
      by_name = true;
      if (text.ends_with(", ")) text.resize(text.size() - 2);
      continue;
    }
    text += by_name || parameter.keyword_only ? fmt::format("{}={}", parameter.name, arg.text()) : arg.text();
  }
  return text;
}

std::string function_text(const Expr& call) {
  const Function* function = known_function(call.name());
  const std::string_view name = short_name(call.name());
  if (function == nullptr || !function->is_method || call.args().empty())
    return fmt::format("{}({})", name, arguments_text(call, function, 0));
  return fmt::format("{}.{}({})", operand_text(call.args()[0]), name, arguments_text(call, function, 1));
}

std::string call_text(const Expr& expr) {
  if (const BinarySymbol* entry = binary_symbol(expr)) return binary_text(expr, *entry);
  if (!expr.name().starts_with("op.") && !expr.name().starts_with("cell.")) return function_text(expr);
  const std::string operand = operand_text(expr.args()[0]);
  if (expr.name().starts_with("cell.")) return fmt::format("{}.{}", operand, short_name(expr.name()));
  if (expr.is_call("op.neg")) return "-" + operand;
  if (expr.is_call("op.not")) return "~(" + without_implicit_cast(expr.args()[0]).text() + ")";
  if (expr.is_call("op.is_null")) return operand + " == None";
  if (expr.is_call("op.is_not_null")) return operand + " != None";
  if (expr.is_call("op.in")) return fmt::format("{}.isin({})", operand, expr.args()[1].text());
  if (expr.is_call("op.path")) return operand + steps_text(steps_of(expr));
  if (is_implicit_cast(expr)) return expr.args()[0].text();
  if (expr.is_call("op.cast")) return fmt::format("{}.astype({})", operand, expr.type().text());
  return function_text(expr);
}

/// "a[0].b" as "a0_b".
std::string identifier_of(std::string_view path) {
  std::string name;
  for (const char c : path) {
    if (c == '.')
      name += '_';
    else if (c == '*')
      name += "star";
    else if (c == '_' || static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)))
      name += c;
  }
  return name;
}

std::string path_name(const Expr& path) {
  const std::string anchor = path.args()[0].suggested_name();
  std::string steps = steps_text(steps_of(path));
  if (steps.starts_with('.')) steps.erase(0, 1);
  const std::string name = identifier_of(steps);
  return anchor.empty() ? name : anchor + "_" + name;
}

}  // namespace

std::string Expr::text() const {
  if (empty()) return {};
  switch (kind()) {
    case Kind::kLiteral:
      return value().text();
    case Kind::kColumn:
      return name();
    case Kind::kCall:
      return call_text(*this);
  }
  return {};
}

std::string Expr::suggested_name() const {
  if (kind() == Kind::kLiteral) return "literal";
  if (kind() == Kind::kColumn) return name();
  if (is_call("op.path")) return path_name(*this);
  if (name().starts_with("op.")) return {};
  const std::string_view function = short_name(name());
  return name().starts_with("cell.") ? fmt::format("{}_{}", args()[0].suggested_name(), function)
                                     : std::string(function);
}

}  // namespace intarsia
