// SPDX-License-Identifier: Apache-2.0
// The operators that a Function is made of: op.* are calls like any other.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "function/json_value.h"
#include "intarsia/function.h"

namespace intarsia {

/// One per file of operators; register_operator_functions calls them.
void register_arithmetic();
void register_comparisons();
void register_logic();
void register_cast();
void register_json_path();
void register_cell_properties();
void register_aggregate_functions();

/// A parameter of an operator: any kind, null included.
[[nodiscard]] Parameter any_parameter(std::string name);

/// `text` as an SQL string literal.
[[nodiscard]] std::string sql_quoted(std::string_view text);
/// The literal value of an argument; nullptr when it is no literal.
[[nodiscard]] const Value* literal_of(const Expr& arg);

/// The steps of a path: keys, indexes, "*", and slices as lists [start, stop] or [start, stop, step] (null: open).
/// After "*" or a slice the rest applies to every element. Anything missing gives null.
[[nodiscard]] JsonValue json_at_path(const JsonValue& value, const JsonValue& steps);

}  // namespace intarsia
