// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "intarsia/type.h"
#include "intarsia/value.h"

namespace intarsia {

struct ExprNode;

/// An immutable expression over the columns of a table: a literal, a column, or a call of a registered function.
/// Operators, casts, JSON paths and the properties of a cell are calls too, of functions named "op.*" and "cell.*".
/// Copying copies a pointer. Building checks types at once; evaluation is by Query or a computed column.
class Expr {
 public:
  enum class Kind { kLiteral, kColumn, kCall };

  Expr() = default;
  Expr(const Value& value);                         // NOLINT: a literal, implicit on purpose
  Expr(bool value) : Expr(Value(value)) {}          // NOLINT
  Expr(std::int64_t value) : Expr(Value(value)) {}  // NOLINT
  Expr(int value) : Expr(Value(value)) {}           // NOLINT
  Expr(double value) : Expr(Value(value)) {}        // NOLINT
  Expr(const char* value) : Expr(Value(value)) {}   // NOLINT
  static Expr literal(const Value& value, const Type& type);
  static Expr column(std::int64_t table_id, std::int64_t column_id, std::string name, const Type& type);
  /// A call of a registered function: `positional` arguments first, then `named`; defaults fill the rest.
  /// Throws Error: kFunctionNotFound; kInvalidArgument for unknown, missing or repeated arguments; kTypeMismatch.
  static Expr call(std::string_view function, std::vector<Expr> positional,
                   std::vector<std::pair<std::string, Expr>> named = {});

  [[nodiscard]] bool empty() const noexcept { return node_ == nullptr; }
  [[nodiscard]] Kind kind() const;
  [[nodiscard]] const Type& type() const;
  [[nodiscard]] const Value& value() const;             ///< Requires: kLiteral
  [[nodiscard]] std::int64_t table_id() const;          ///< Requires: kColumn
  [[nodiscard]] std::int64_t column_id() const;         ///< Requires: kColumn
  [[nodiscard]] const std::string& name() const;        ///< of the column or the function
  [[nodiscard]] const std::vector<Expr>& args() const;  ///< of a call; empty otherwise
  [[nodiscard]] bool is_call(std::string_view function) const;

  /// As a Python user would write it: "img.resize([96, 96]).rotate(90)", "(id + 1) * 2".
  [[nodiscard]] std::string text() const;
  /// The name that a result column gets when the user gives none; empty: none suggests itself.
  [[nodiscard]] std::string suggested_name() const;
  /// Complete and free of process state: types are in it, so reading needs no function.
  [[nodiscard]] std::string json() const;
  static Expr from_json(std::string_view json);
  [[nodiscard]] bool same_as(const Expr& other) const;

  /// Steps into a Json value: a key, an index; `path` takes a whole path as a JSON list, "*" and slices included.
  [[nodiscard]] Expr operator[](std::string_view key) const;
  [[nodiscard]] Expr operator[](std::int64_t index) const;
  [[nodiscard]] Expr path(const Json& steps) const;
  /// Casts; a cell that cannot be cast is a cell with an error.
  [[nodiscard]] Expr astype(const Type& type) const;
  [[nodiscard]] Expr isin(const std::vector<Value>& values) const;
  [[nodiscard]] Expr is_null() const;
  [[nodiscard]] Expr errortype() const;  ///< Requires: a stored computed or media column
  [[nodiscard]] Expr errormsg() const;
  /// A method or property of the value: `t["img"].call_method("resize", {size})`.
  [[nodiscard]] Expr call_method(std::string_view method, std::vector<Expr> positional = {},
                                 std::vector<std::pair<std::string, Expr>> named = {}) const;

 private:
  friend struct ExprNode;
  explicit Expr(std::shared_ptr<const ExprNode> node) : node_(std::move(node)) {}
  std::shared_ptr<const ExprNode> node_;
};

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);  ///< true division, also of integers
Expr operator%(const Expr& a, const Expr& b);  ///< the sign of the divisor, as in Python
Expr operator-(const Expr& a);
Expr operator==(const Expr& a, const Expr& b);  ///< an expression; Expr::same_as compares expressions
Expr operator!=(const Expr& a, const Expr& b);
Expr operator<(const Expr& a, const Expr& b);
Expr operator<=(const Expr& a, const Expr& b);
Expr operator>(const Expr& a, const Expr& b);
Expr operator>=(const Expr& a, const Expr& b);
Expr operator&&(const Expr& a, const Expr& b);
Expr operator||(const Expr& a, const Expr& b);
Expr operator!(const Expr& a);

/// `condition ? ...` has no overload; C++ callers build calls: call("string.upper", {t["name"]}).
inline Expr call(std::string_view function, std::vector<Expr> args) {
  return Expr::call(function, std::move(args));
}

}  // namespace intarsia
