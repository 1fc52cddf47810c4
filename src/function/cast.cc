// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "function/arithmetic.h"
#include "function/operators.h"
#include "intarsia/expr.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

[[noreturn]] void fail_parse(std::string_view what, std::string_view text) {
  throw CellFailure("ValueError", fmt::format("not {}: {}", what, quoted_text(text)));
}

template <typename Number>
Number parse_number(std::string_view text, std::string_view what) {
  std::string_view digits = trimmed(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  Number number{};
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (status == std::errc::result_out_of_range && std::is_integral_v<Number>) fail_parse("an integer of 64 bits", text);
  if (status == std::errc::result_out_of_range) return std::strtod(std::string(digits).c_str(), nullptr);
  if (status != std::errc() || end != digits.data() + digits.size()) fail_parse(what, text);
  return number;
}

bool parse_bool(std::string_view text) {
  const std::string_view word = trimmed(text);
  for (const std::string_view yes : {"true", "True", "1"})
    if (word == yes) return true;
  for (const std::string_view no : {"false", "False", "0"})
    if (word == no) return false;
  fail_parse("a bool", text);
}

std::int64_t to_int(const Column& from, std::int64_t row) {
  switch (from.type().kind()) {
    case TypeKind::kFloat:
      return int_of_float(from.float_at(row));
    case TypeKind::kBool:
      return from.bool_at(row);
    default:
      return parse_number<std::int64_t>(from.text_at(row), "an integer");
  }
}

double to_float(const Column& from, std::int64_t row) {
  switch (from.type().kind()) {
    case TypeKind::kInt:
      return from.float_at(row);
    case TypeKind::kBool:
      return from.bool_at(row);
    default:
      return parse_number<double>(from.text_at(row), "a number");
  }
}

bool to_bool(const Column& from, std::int64_t row) {
  switch (from.type().kind()) {
    case TypeKind::kInt:
      return from.int_at(row) != 0;
    case TypeKind::kFloat:
      return from.float_at(row) != 0;
    default:
      return parse_bool(from.text_at(row));
  }
}

std::string to_text(const Column& from, std::int64_t row) {
  switch (from.type().kind()) {
    case TypeKind::kInt:
      return std::to_string(from.int_at(row));
    case TypeKind::kFloat:
      return float_text(from.float_at(row));
    case TypeKind::kBool:
      return from.bool_at(row) ? "True" : "False";
    case TypeKind::kTimestamp:
      return iso_text(from.timestamp_at(row));
    case TypeKind::kDate:
      return iso_text(from.date_at(row));
    case TypeKind::kUuid:
      return from.uuid_at(row).text();
    default:
      return std::string(from.text_at(row));
  }
}

/// A Json cell as what it holds; no conversion but that an integer also fits Float.
void append_json_content(const Column& from, std::int64_t row, ColumnBuilder& out) {
  const JsonValue value = parse_json(from.text_at(row));
  const TypeKind to = out.type().kind();
  if (value.is_null()) return out.append_null();
  if (to == TypeKind::kString && value.is_string()) return out.append_text(value.get_ref<const std::string&>());
  if (to == TypeKind::kInt && value.is_number_integer()) return out.append_int(value.get<std::int64_t>());
  if (to == TypeKind::kFloat && value.is_number()) return out.append_float(value.get<double>());
  if (to == TypeKind::kBool && value.is_boolean()) return out.append_bool(value.get<bool>());
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (to == TypeKind::kTimestamp) return out.append_timestamp(parse_iso_timestamp(text));
    if (to == TypeKind::kDate) return out.append_date(parse_iso_date(text));
    if (to == TypeKind::kUuid) return out.append_uuid(Uuid::parse(text));
  }
  throw CellFailure("TypeError",
                    fmt::format("Expected {}, got {}", out.type().as_nullable(false).text(), python_type_name(value)));
}

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;

void append_timestamp(const Column& from, std::int64_t row, ColumnBuilder& out) {
  if (from.type().kind() == TypeKind::kDate)
    out.append_timestamp({from.date_at(row).days * kDayMicroseconds});
  else
    out.append_timestamp(parse_iso_timestamp(from.text_at(row)));
}

void append_date(const Column& from, std::int64_t row, ColumnBuilder& out) {
  if (from.type().kind() != TypeKind::kTimestamp) return out.append_date(parse_iso_date(from.text_at(row)));
  const std::int64_t us = from.timestamp_at(row).microseconds;
  out.append_date({static_cast<std::int32_t>(us / kDayMicroseconds - (us % kDayMicroseconds < 0))});
}

void append_cast(const Column& from, std::int64_t row, ColumnBuilder& out) {
  if (from.type().kind() == TypeKind::kJson) return append_json_content(from, row, out);
  switch (out.type().kind()) {
    case TypeKind::kInt:
      return out.append_int(to_int(from, row));
    case TypeKind::kFloat:
      return out.append_float(to_float(from, row));
    case TypeKind::kBool:
      return out.append_bool(to_bool(from, row));
    case TypeKind::kString:
      return out.append_text(to_text(from, row));
    case TypeKind::kTimestamp:
      return append_timestamp(from, row, out);
    case TypeKind::kDate:
      return append_date(from, row, out);
    case TypeKind::kUuid:
      return out.append_uuid(Uuid::parse(from.text_at(row)));
    default:
      return out.append_text(json_cell(cell_json(from, row)).text);  // Json
  }
}

void cast_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  const Column& from = args[0];
  const bool same = from.type().kind() == out.type().kind();
  out.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t before = out.length();
    if (from.is_null(row) && out.type().nullable()) {
      out.append_null();
    } else if (from.is_null(row)) {
      out.append_error({"TypeError", "Expected non-None value", {}});
    } else if (same) {
      out.append_cell(from, row);
    } else {
      try {
        append_cast(from, row, out);
      } catch (const CellFailure& failure) {
        if (out.length() == before) out.append_error({failure.type(), failure.what(), {}});
      } catch (const Error& failure) {
        if (out.length() == before) out.append_error({"ValueError", failure.what(), {}});
      }
    }
  }
}

bool castable(TypeKind from, TypeKind to) {
  if (from == to) return true;
  const auto scalar = [](TypeKind kind) { return kind <= TypeKind::kBool; };
  if (scalar(from) && scalar(to)) return true;
  if (from == TypeKind::kString) return to <= TypeKind::kJson;
  if (to == TypeKind::kString || to == TypeKind::kJson) return from <= TypeKind::kJson;
  if (from == TypeKind::kJson) return to <= TypeKind::kJson;
  return (from == TypeKind::kTimestamp && to == TypeKind::kDate) ||
         (from == TypeKind::kDate && to == TypeKind::kTimestamp);
}

Type cast_type(std::span<const Type> types, std::span<const Value* const> literals) {
  if (literals[1] == nullptr) throw Error(ErrorCode::kInvalidArgument, "astype(): the type must be a literal");
  const Type to = Type::from_json(literals[1]->as<std::string>());
  if (!castable(types[0].kind(), to.kind()))
    throw Error(ErrorCode::kTypeMismatch, fmt::format("astype(): {} cannot become {}", types[0].text(), to.text()));
  return to;
}

std::string cast_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  const TypeKind from = args[0].type().kind();
  const Type to = Type::from_json(args[1].value().as<std::string>());
  if (args[0].type().nullable() && !to.nullable()) return {};
  if (from == to.kind()) return sql[0];
  if (from == TypeKind::kInt && to.kind() == TypeKind::kFloat) return sql[0] + "::float8";
  if (from == TypeKind::kInt && to.kind() == TypeKind::kString) return sql[0] + "::text";
  return {};
}

}  // namespace

void register_cast() {
  register_function({.name = "op.cast",
                     .parameters = {any_parameter("value"), {"type", TypeKind::kString}},
                     .return_type = Type(TypeKind::kJson, true),
                     .doc = "The value as another type. What cannot be converted is an error of the cell; a Json must "
                            "hold a value of the type. A null is an error unless the type allows null.",
                     .example = "t.id.astype(pxt.Float)",
                     .kernel = cast_kernel,
                     .infer = cast_type,
                     .to_sql = cast_sql});
}

}  // namespace intarsia
