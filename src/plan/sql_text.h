// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "intarsia/expr.h"
#include "plan/scan_sql.h"
#include "storage/connection.h"

namespace intarsia {

/// Writes expressions as SQL that means exactly the same.
class SqlText {
 public:
  /// Literals become parameters, so that statements that differ in them alone are prepared once; `parameters` null:
  /// they are written out, as COPY needs it.
  SqlText(ScanSql& scan, SqlParameters* parameters) : scan_(scan), parameters_(parameters) {}

  /// nullopt: the engine must evaluate it. What a refused expression named stays named, so ask on a copy first.
  [[nodiscard]] std::optional<std::string> translate(const Expr& expr);
  /// A number that is no part of an expression (a limit).
  [[nodiscard]] std::string number(std::int64_t value);
  /// Several, as one array.
  [[nodiscard]] std::string numbers(const std::vector<std::int64_t>& values);

 private:
  std::optional<std::string> column(const Expr& expr);
  std::optional<std::string> call(const Expr& expr);
  std::optional<std::string> error_field(const Expr& expr);
  std::optional<std::string> has_error(const Expr& field);
  std::optional<std::string> literal(const Type& type, const Value& value);

  ScanSql& scan_;
  SqlParameters* parameters_;
};

/// A value written out with its SQL type; nullopt for what has no SQL text that reads back the same.
[[nodiscard]] std::optional<std::string> sql_literal(const Type& type, const Value& value);

/// SQL in the order that `order_by` gives: strings by code point.
[[nodiscard]] std::string sql_order_key(const Type& type, const std::string& sql, bool ascending);

}  // namespace intarsia
