// SPDX-License-Identifier: Apache-2.0
#include "function/operators.h"

#include "function/builtins.h"
#include "intarsia/expr.h"

namespace intarsia {

Parameter any_parameter(std::string name) {
  return {.name = std::move(name), .type = Type(TypeKind::kJson, true), .any_kind = true};
}

std::string sql_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

const Value* literal_of(const Expr& arg) {
  return arg.kind() == Expr::Kind::kLiteral ? &arg.value() : nullptr;
}

void register_operator_functions() {
  register_arithmetic();
  register_comparisons();
  register_logic();
  register_cast();
  register_json_path();
  register_cell_properties();
  register_aggregate_functions();
}

}  // namespace intarsia
