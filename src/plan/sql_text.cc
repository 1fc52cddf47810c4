// SPDX-License-Identifier: Apache-2.0
#include "plan/sql_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cmath>

#include "function/operators.h"
#include "intarsia/function.h"
#include "storage/wire.h"

namespace intarsia {

namespace {

/// `pattern` with {0}, {1}, ... replaced; other braces are text.
std::string fill_in(std::string_view pattern, const std::vector<std::string>& args) {
  std::string sql;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool place = pattern[i] == '{' && i + 2 < pattern.size() && pattern[i + 2] == '}' && pattern[i + 1] >= '0' &&
                       pattern[i + 1] <= '9';
    if (!place) {
      sql += pattern[i];
      continue;
    }
    sql += args.at(static_cast<std::size_t>(pattern[i + 1] - '0'));
    i += 2;
  }
  return sql;
}

/// PostgreSQL has no NUL in text, nor in JSON strings.
bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

std::optional<std::string> date_text(std::int64_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  const int year = static_cast<int>(date.year());
  if (year < 1 || year > 9999) return std::nullopt;
  return fmt::format("{:04}-{:02}-{:02}", year, static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<std::string> timestamp_text(std::int64_t microseconds) {
  constexpr std::int64_t kSecond = 1'000'000, kDay = 86'400 * kSecond;
  const std::int64_t days = microseconds / kDay - (microseconds % kDay < 0 ? 1 : 0);
  const std::int64_t rest = microseconds - days * kDay, seconds = rest / kSecond;
  const std::optional<std::string> date = date_text(days);
  if (!date) return std::nullopt;
  return fmt::format("{} {:02}:{:02}:{:02}.{:06}+00", *date, seconds / 3600, seconds / 60 % 60, seconds % 60,
                     rest % kSecond);
}

std::string float_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return fmt::format("{}", value);
}

std::optional<std::string> plain_text(const Type& type, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return type.kind() == TypeKind::kFloat ? float_text(static_cast<double>(*number)) : std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return float_text(*real);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return has_nul(*text) ? std::nullopt : std::optional(*text);
  if (const auto* time = std::get_if<Timestamp>(&value)) return timestamp_text(time->microseconds);
  if (const auto* date = std::get_if<Date>(&value)) return date_text(date->days);
  if (const auto* uuid = std::get_if<Uuid>(&value)) return uuid->text();
  if (const auto* json = std::get_if<Json>(&value))
    return json->text.find("\\u0000") != std::string::npos ? std::nullopt : std::optional(json->text);
  if (const auto* binary = std::get_if<Binary>(&value)) {
    std::string hex = "\\x";
    for (const char c : binary->bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return hex;
  }
  return std::nullopt;
}

bool is_error_field(const Expr& expr) {
  return expr.is_call("cell.errortype") || expr.is_call("cell.errormsg");
}

bool is_sql_kind(const Type& type) {
  return type.kind() != TypeKind::kArray && !type.is_media();
}

}  // namespace

std::optional<std::string> sql_literal(const Type& type, const Value& value) {
  if (value.is_null()) return fmt::format("null::{}", wire::sql_type(type));
  const std::optional<std::string> text = plain_text(type, value);
  if (!text) return std::nullopt;
  return fmt::format("{}::{}", quote_literal(*text), wire::sql_type(type));
}

std::string sql_order_key(const Type& type, const std::string& sql, bool ascending) {
  return fmt::format("{}{}{}", sql, type.kind() == TypeKind::kString ? " collate \"C\"" : "", ascending ? "" : " desc");
}

std::optional<std::string> SqlText::literal(const Type& type, const Value& value) {
  const std::optional<std::string> text = sql_literal(type, value);
  if (!text || parameters_ == nullptr || value.is_null()) return text;
  parameters_->add(type, value);
  return fmt::format("${}", parameters_->size());
}

std::string SqlText::number(std::int64_t value) {
  return *literal(Type(TypeKind::kInt), Value(value));
}

std::string SqlText::numbers(const std::vector<std::int64_t>& values) {
  if (parameters_ == nullptr) return fmt::format("'{{{}}}'::bigint[]", fmt::join(values, ","));
  parameters_->add_array(values);
  return fmt::format("${}", parameters_->size());
}

std::optional<std::string> SqlText::translate(const Expr& expr) {
  switch (expr.kind()) {
    case Expr::Kind::kLiteral:
      return is_sql_kind(expr.type()) ? literal(expr.type(), expr.value()) : std::nullopt;
    case Expr::Kind::kColumn:
      return column(expr);
    case Expr::Kind::kCall:
      return call(expr);
  }
  return std::nullopt;
}

std::optional<std::string> SqlText::column(const Expr& expr) {
  const std::size_t depth = scan_.depth_of(expr.column_id());
  if (depth < scan_.chain().size() && !scan_.chain()[depth]->find_column(expr.column_id())->stored) return std::nullopt;
  return scan_.column(expr.column_id());
}

std::optional<std::string> SqlText::error_field(const Expr& expr) {
  const Expr& cell = expr.args()[0];
  if (cell.kind() != Expr::Kind::kColumn || !column(cell)) return std::nullopt;
  const std::string note = scan_.note(cell.column_id());
  if (note.empty()) return "null::text";
  return fmt::format("({} -> 'error' ->> '{}')", note, expr.is_call("cell.errortype") ? "type" : "message");
}

// Names the note itself, so that PostgreSQL sees that its partial index serves.
std::optional<std::string> SqlText::has_error(const Expr& field) {
  const std::optional<std::string> sql = error_field(field);
  const std::string note = sql ? scan_.note(field.args()[0].column_id()) : "";
  if (note.empty()) return sql ? std::optional<std::string>("false") : std::nullopt;
  return fmt::format("({} is not null and {} is not null)", note, *sql);
}

std::optional<std::string> SqlText::call(const Expr& expr) {
  if (is_error_field(expr)) return error_field(expr);
  if (expr.is_call("op.is_not_null") && is_error_field(expr.args()[0])) return has_error(expr.args()[0]);
  const Function* function = find_function(expr.name());
  if (function == nullptr || (function->sql.empty() && !function->to_sql)) return std::nullopt;
  std::vector<std::string> args;
  for (const Expr& arg : expr.args()) {
    std::optional<std::string> sql = translate(arg);
    if (!sql) return std::nullopt;
    args.push_back(std::move(*sql));
  }
  const std::string sql = function->sql.empty() ? function->to_sql(expr.args(), args) : fill_in(function->sql, args);
  if (sql.empty()) return std::nullopt;
  return "(" + sql + ")";
}

}  // namespace intarsia
