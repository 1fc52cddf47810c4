// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "intarsia/expr.h"
#include "intarsia/function.h"

namespace intarsia {

using NamedArgs = std::vector<std::pair<std::string, Expr>>;

/// Complete arguments in the order of the parameters: positional ones, then named ones, then defaults, each converted
/// to its parameter's type. Throws Error: kInvalidArgument, kTypeMismatch.
[[nodiscard]] std::vector<Expr> bind_arguments(const Function& function, std::vector<Expr> positional, NamedArgs named);

/// The type of a call with bound arguments.
[[nodiscard]] Type result_type(const Function& function, const std::vector<Expr>& args);

/// `expr` as a value of `type`, by a cast that its text does not show.
[[nodiscard]] Expr implicit_cast(const Expr& expr, const Type& type);
/// The cast was made by implicit_cast.
[[nodiscard]] bool is_implicit_cast(const Expr& expr);

[[nodiscard]] bool is_null_literal(const Expr& expr);
/// A literal as a literal of another kind where that is only another way to write it: a string as a time, a date, a
/// UUID or a JSON string. Any other expression comes back as it is.
[[nodiscard]] Expr literal_as(const Expr& expr, TypeKind kind);
/// A scalar as JSON text: times and UUIDs as strings. Throws Error(kTypeMismatch) for arrays, bytes and media.
[[nodiscard]] std::string json_of(const Value& value);

/// "upper" of "string.upper", "caption" of "py:app.models.caption".
[[nodiscard]] std::string_view short_name(std::string_view function);

/// The arguments of an operator, brought into the form that its function takes; may change which operator it is.
void normalize_operator(std::string& name, std::vector<Expr>& args);

}  // namespace intarsia
