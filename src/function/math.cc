// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "function/arithmetic.h"
#include "function/builtins.h"
#include "function/define.h"

namespace intarsia {
namespace {

[[noreturn]] void fail_domain() {
  throw CellFailure("ValueError", "math domain error");
}

/// Rounds half to even, as Python's round(): by the exact value of the float, not by its decimal text.
double round_to(double number, std::int64_t digits) {
  constexpr std::int64_t kMostDigits = 323, kMostZeros = 308;
  if (!std::isfinite(number) || digits > kMostDigits) return number;
  if (digits < -kMostZeros) return std::copysign(0.0, number);
  if (digits == 0) return std::nearbyint(number);
  if (digits > 0) return std::strtod(fmt::format("{:.{}f}", number, digits).c_str(), nullptr);
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(number / unit) * unit;
}

double power(double base, double exponent) {
  if (base == 0 && exponent < 0) throw CellFailure("ZeroDivisionError", "0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(base) && std::isfinite(exponent) && exponent != std::floor(exponent)) fail_domain();
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent))
    throw CellFailure("OverflowError", "Numerical result out of range");
  return result;
}

double exponential(double number) {
  const double result = std::exp(number);
  if (std::isinf(result) && std::isfinite(number)) throw CellFailure("OverflowError", "math range error");
  return result;
}

template <double (*kLogarithm)(double)>
double logarithm(double number) {
  if (number <= 0) fail_domain();
  return kLogarithm(number);
}

double square_root(double number) {
  if (number < 0) fail_domain();
  return std::sqrt(number);
}

constexpr TypeKind kInt = TypeKind::kInt, kFloat = TypeKind::kFloat;

void define_bitwise(std::string name, std::string doc, Kernel kernel, std::string sql) {
  std::string example = fmt::format("t.id.{}(3)", name);
  define_method("math." + name, {{"self", kInt}, {"other", kInt}}, kInt, std::move(doc), std::move(example),
                std::move(kernel), {.sql = std::move(sql)});
}

}  // namespace

void register_math_functions() {
  const std::vector<Parameter> number = {{"self", kFloat}};
  define_method("math.abs", number, kFloat, "The absolute value.", "t.price.abs()",
                scalar_kernel([](double x) { return std::abs(x); }), {.sql = "abs({0}::float8)"});
  define_method("math.ceil", number, kFloat, "The least whole number that is not less, as a Float.", "t.price.ceil()",
                scalar_kernel([](double x) { return std::ceil(x); }), {.sql = "ceil({0}::float8)"});
  define_method("math.floor", number, kFloat, "The greatest whole number that is not greater, as a Float.",
                "t.price.floor()", scalar_kernel([](double x) { return std::floor(x); }),
                {.sql = "floor({0}::float8)"});
  define_method("math.round", {{"self", kFloat}, optional_parameter("digits", Type(kInt, true), Value())}, kFloat,
                "The number rounded to so many decimal digits (0 when left out; negative: tens, hundreds, ...). A half "
                "goes to the even neighbour.",
                "t.price.round(2)", scalar_kernel([](double x, std::optional<std::int64_t> digits) {
                  return round_to(x, digits.value_or(0));
                }));
  define_method("math.pow", {{"self", kFloat}, {"other", kFloat}}, kFloat,
                "The number to the power of another. A zero to a negative power, a negative number to a fraction and a "
                "result that does not fit are errors of the cell.",
                "t.price.pow(2)", scalar_kernel(power));
  define_method("math.sqrt", number, kFloat, "The square root; of a negative number an error of the cell.",
                "t.price.sqrt()", scalar_kernel(square_root));
  define_method("math.exp", number, kFloat, "e to the power of the number; an error of the cell when it does not fit.",
                "t.price.exp()", scalar_kernel(exponential));
  define_method("math.log", number, kFloat, "The natural logarithm; of zero or less an error of the cell.",
                "t.price.log()", scalar_kernel(logarithm<std::log>));
  define_method("math.log10", number, kFloat, "The logarithm to base 10; of zero or less an error of the cell.",
                "t.price.log10()", scalar_kernel(logarithm<std::log10>));
  define_bitwise("bitwise_and", "The bits that both integers have.",
                 scalar_kernel([](std::int64_t a, std::int64_t b) { return a & b; }), "({0} & {1})");
  define_bitwise("bitwise_or", "The bits that one of the integers has.",
                 scalar_kernel([](std::int64_t a, std::int64_t b) { return a | b; }), "({0} | {1})");
  define_bitwise("bitwise_xor", "The bits that exactly one of the integers has.",
                 scalar_kernel([](std::int64_t a, std::int64_t b) { return a ^ b; }), "({0} # {1})");
  define_method("math.to_int", number, kInt,
                "The number without its fraction; NaN and what does not fit 64 bits are errors of the cell.",
                "t.price.to_int()", scalar_kernel(int_of_float));
  define_method("math.to_float", {{"self", kInt}}, kFloat, "The integer as a Float.", "t.id.to_float()",
                scalar_kernel([](std::int64_t x) { return static_cast<double>(x); }), {.sql = "{0}::float8"});
}

}  // namespace intarsia
