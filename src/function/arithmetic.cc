// SPDX-License-Identifier: Apache-2.0
#include "function/arithmetic.h"

#include "function/operators.h"
#include "intarsia/expr.h"

namespace intarsia {
namespace {

using Types = std::span<const Type>;
using Literals = std::span<const Value* const>;

bool is_string(const Type& type) {
  return type.kind() == TypeKind::kString;
}
bool is_int(const Type& type) {
  return type.kind() == TypeKind::kInt;
}
bool is_json(const Type& type) {
  return type.kind() == TypeKind::kJson;
}

[[noreturn]] void fail_type(std::string_view symbol, std::string_view side, const Type& type) {
  throw Error(ErrorCode::kTypeMismatch, std::string(symbol) + " requires numeric types, but " + std::string(side) +
                                            " operand has type `" + type.text() + "`");
}

/// The type of a numeric operation; throws for operands that are no numbers.
template <typename Op>
Type numeric_result(Types types) {
  for (std::size_t i = 0; i < types.size(); ++i)
    if (!types[i].is_numeric() && !is_json(types[i])) fail_type(Op::kSymbol, i == 0 ? "left" : "right", types[i]);
  const bool nullable = types[0].nullable() || types[1].nullable();
  if (is_json(types[0]) || is_json(types[1])) return Type(TypeKind::kFloat, true);
  constexpr bool kGivesInt = std::is_same_v<decltype(Op::apply(std::int64_t{1}, std::int64_t{1})), std::int64_t>;
  const bool ints = is_int(types[0]) && is_int(types[1]) && kGivesInt;
  return Type(ints ? TypeKind::kInt : TypeKind::kFloat, nullable);
}

/// A cell of a numeric or Json column: an integer, a float, or nothing where JSON has null.
struct Number {
  bool present = false, is_int = false;
  std::int64_t integer = 0;
  double real = 0;
};

template <typename Op>
Number read_number(const Column& column, std::int64_t row, std::string_view side) {
  if (column.is_null(row)) return {};
  if (is_int(column.type())) return {true, true, column.int_at(row), column.float_at(row)};
  if (!is_json(column.type())) return {true, false, 0, column.float_at(row)};
  const JsonValue value = parse_json(column.text_at(row));
  if (value.is_null()) return {};
  if (value.is_number_integer()) return {true, true, value.get<std::int64_t>(), value.get<double>()};
  if (value.is_number()) return {true, false, 0, value.get<double>()};
  throw CellFailure("TypeError", std::string(Op::kSymbol) + " requires numeric types, but " + std::string(side) +
                                     " operand has type `" + std::string(python_type_name(value)) + "`");
}

template <typename Op>
void append_dynamic(const Column& a, const Column& b, std::int64_t row, ColumnBuilder& out) {
  const Number left = read_number<Op>(a, row, "left"), right = read_number<Op>(b, row, "right");
  if (!left.present || !right.present) return out.append_null();
  if (left.is_int && right.is_int)
    out.append_float(static_cast<double>(Op::apply(left.integer, right.integer)));
  else
    out.append_float(Op::apply(left.real, right.real));
}

/// Calls `append(row)` for rows where both cells are there.
template <typename Append>
void for_pairs(const Column& a, const Column& b, std::int64_t rows, ColumnBuilder& out, const Append& append) {
  out.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (a.is_null(row) || b.is_null(row))
      out.append_null();
    else
      detail::append_cell_or_error(out, [&] { append(row); });
  }
}

void append_number(ColumnBuilder& out, std::int64_t value) {
  out.append_int(value);
}
void append_number(ColumnBuilder& out, double value) {
  out.append_float(value);
}

template <typename Op>
void numeric_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  const Column &a = args[0], &b = args[1];
  if (is_json(a.type()) || is_json(b.type()))
    for_pairs(a, b, rows, out, [&](std::int64_t row) { append_dynamic<Op>(a, b, row, out); });
  else if (is_int(a.type()) && is_int(b.type()))
    for_pairs(a, b, rows, out, [&](std::int64_t row) { append_number(out, Op::apply(a.int_at(row), b.int_at(row))); });
  else
    for_pairs(a, b, rows, out,
              [&](std::int64_t row) { out.append_float(Op::apply(a.float_at(row), b.float_at(row))); });
}

Type add_type(Types types, Literals) {
  if (is_string(types[0]) && is_string(types[1]))
    return Type(TypeKind::kString, types[0].nullable() || types[1].nullable());
  return numeric_result<Add>(types);
}

void add_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  const Column &a = args[0], &b = args[1];
  if (!is_string(a.type()) || !is_string(b.type())) return numeric_kernel<Add>(args, rows, out);
  std::string text;
  for_pairs(a, b, rows, out, [&](std::int64_t row) {
    text.assign(a.text_at(row)).append(b.text_at(row));
    out.append_text(text);
  });
}

bool is_repeat(const Type& a, const Type& b) {
  return (is_string(a) && is_int(b)) || (is_int(a) && is_string(b));
}

Type multiply_type(Types types, Literals) {
  if (is_repeat(types[0], types[1])) return Type(TypeKind::kString, types[0].nullable() || types[1].nullable());
  return numeric_result<Multiply>(types);
}

std::string repeated(std::string_view text, std::int64_t times) {
  constexpr std::int64_t kMaxBytes = 1 << 30;
  std::string result;
  if (times <= 0 || text.empty()) return result;
  if (times > kMaxBytes / static_cast<std::int64_t>(text.size()))
    throw CellFailure("OverflowError", "repeated string is too long");
  result.reserve(text.size() * static_cast<std::size_t>(times));
  for (std::int64_t i = 0; i < times; ++i) result += text;
  return result;
}

void multiply_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  if (!is_repeat(args[0].type(), args[1].type())) return numeric_kernel<Multiply>(args, rows, out);
  const bool text_first = is_string(args[0].type());
  const Column &text = args[text_first ? 0 : 1], &times = args[text_first ? 1 : 0];
  for_pairs(text, times, rows, out,
            [&](std::int64_t row) { out.append_text(repeated(text.text_at(row), times.int_at(row))); });
}

/// A divisor that is a literal integer for which PostgreSQL can neither overflow nor divide by zero; 0: none.
std::int64_t safe_divisor(std::span<const Expr> args) {
  const Value* literal = literal_of(args[1]);
  if (!is_int(args[0].type()) || !is_int(args[1].type()) || literal == nullptr) return 0;
  const auto* divisor = std::get_if<std::int64_t>(literal);
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  return divisor != nullptr && *divisor != -1 && *divisor > -kLimit && *divisor < kLimit ? *divisor : 0;
}

std::string modulo_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  const std::int64_t divisor = safe_divisor(args);
  if (divisor == 0) return {};
  const std::string d = "(" + std::to_string(divisor) + "::bigint)";
  return "((" + sql[0] + " % " + d + " + " + d + ") % " + d + ")";
}

std::string floor_divide_sql(std::span<const Expr> args, std::span<const std::string> sql) {
  const std::string rest = modulo_sql(args, sql);
  const std::int64_t divisor = safe_divisor(args);
  if (rest.empty() || divisor == 1) return divisor == 1 ? sql[0] : std::string();
  const std::string d = "(" + std::to_string(divisor) + "::bigint)";
  return "(" + sql[0] + " / " + d + " - (case when " + sql[0] + " % " + d + " <> " + rest + " then 1 else 0 end))";
}

template <typename Op>
Function numeric_function(std::string name, std::string doc, std::string example) {
  return {.name = std::move(name),
          .parameters = {any_parameter("left"), any_parameter("right")},
          .return_type = Type(TypeKind::kFloat, true),
          .doc = std::move(doc),
          .example = std::move(example),
          .kernel = numeric_kernel<Op>,
          .infer = [](Types types, Literals) { return numeric_result<Op>(types); }};
}

Type negative_type(Types types, Literals) {
  if (!types[0].is_numeric() && !is_json(types[0])) fail_type("-", "the", types[0]);
  return is_json(types[0]) ? Type(TypeKind::kFloat, true) : types[0];
}

void negative_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  const Column& a = args[0];
  for_pairs(a, a, rows, out, [&](std::int64_t row) {
    const Number number = read_number<Subtract>(a, row, "the");
    if (!number.present) return out.append_null();
    if (is_int(a.type())) return out.append_int(Subtract::apply(std::int64_t{0}, number.integer));
    out.append_float(-number.real);
  });
}

}  // namespace

void register_arithmetic() {
  Function add = numeric_function<Add>("op.add", "The sum of two numbers, or two strings joined.", "t.price + 1");
  add.infer = add_type;
  add.kernel = add_kernel;
  register_function(std::move(add));

  register_function(numeric_function<Subtract>("op.sub", "The difference of two numbers.", "t.price - 1"));

  Function multiply =
      numeric_function<Multiply>("op.mul", "The product of two numbers, or a string repeated.", "t.price * 2");
  multiply.infer = multiply_type;
  multiply.kernel = multiply_kernel;
  register_function(std::move(multiply));

  register_function(numeric_function<Divide>(
      "op.div", "The quotient of two numbers as a Float, also of integers. Division by zero is an error of the cell.",
      "t.price / 2"));

  Function floor_divide = numeric_function<FloorDivide>(
      "op.floordiv", "The quotient rounded down to a whole number. Division by zero is an error of the cell.",
      "t.id // 2");
  floor_divide.to_sql = floor_divide_sql;
  register_function(std::move(floor_divide));

  Function modulo = numeric_function<Modulo>(
      "op.mod", "The rest of a division; it has the sign of the divisor. Division by zero is an error of the cell.",
      "t.id % 2");
  modulo.to_sql = modulo_sql;
  register_function(std::move(modulo));

  register_function({.name = "op.neg",
                     .parameters = {any_parameter("value")},
                     .return_type = Type(TypeKind::kFloat, true),
                     .doc = "The number with the opposite sign.",
                     .example = "-t.price",
                     .kernel = negative_kernel,
                     .infer = negative_type});
}

}  // namespace intarsia
