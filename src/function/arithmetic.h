// SPDX-License-Identifier: Apache-2.0
// Numbers as Python counts with them. Integers are 64 bits: what does not fit is an OverflowError.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "intarsia/error.h"

namespace intarsia {

[[noreturn]] inline void fail_overflow() {
  throw CellFailure("OverflowError", "integer result does not fit 64 bits");
}
[[noreturn]] inline void fail_zero_division() {
  throw CellFailure("ZeroDivisionError", "division by zero");
}

/// Rounds towards zero; NaN and what does not fit are errors of the cell.
inline std::int64_t int_of_float(double number) {
  if (std::isnan(number)) throw CellFailure("ValueError", "cannot convert float NaN to integer");
  if (std::isinf(number)) throw CellFailure("OverflowError", "cannot convert float infinity to integer");
  if (std::abs(number) >= 9223372036854775808.0) fail_overflow();
  return static_cast<std::int64_t>(number);
}

struct Add {
  static constexpr std::string_view kSymbol = "+";
  static std::int64_t apply(std::int64_t a, std::int64_t b) {
    std::int64_t r;
    return __builtin_add_overflow(a, b, &r) ? (fail_overflow(), 0) : r;
  }
  static double apply(double a, double b) { return a + b; }
};

struct Subtract {
  static constexpr std::string_view kSymbol = "-";
  static std::int64_t apply(std::int64_t a, std::int64_t b) {
    std::int64_t r;
    return __builtin_sub_overflow(a, b, &r) ? (fail_overflow(), 0) : r;
  }
  static double apply(double a, double b) { return a - b; }
};

struct Multiply {
  static constexpr std::string_view kSymbol = "*";
  static std::int64_t apply(std::int64_t a, std::int64_t b) {
    std::int64_t r;
    return __builtin_mul_overflow(a, b, &r) ? (fail_overflow(), 0) : r;
  }
  static double apply(double a, double b) { return a * b; }
};

struct Divide {
  static constexpr std::string_view kSymbol = "/";
  static double apply(std::int64_t a, std::int64_t b) {
    if (b == 0) fail_zero_division();
    return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
  }
  static double apply(double a, double b) {
    if (b == 0) fail_zero_division();
    return a / b;
  }
};

struct Modulo {
  static constexpr std::string_view kSymbol = "%";
  static std::int64_t apply(std::int64_t a, std::int64_t b) {
    if (b == 0) fail_zero_division();
    if (b == -1) return 0;
    const std::int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
  static double apply(double a, double b) {
    if (b == 0) fail_zero_division();
    const double rest = std::fmod(a, b);
    if (rest == 0) return std::copysign(0.0, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
  }
};

struct FloorDivide {
  static constexpr std::string_view kSymbol = "//";
  static std::int64_t apply(std::int64_t a, std::int64_t b) {
    if (b == 0) fail_zero_division();
    if (b == -1) return Subtract::apply(std::int64_t{0}, a);
    const std::int64_t quotient = a / b;
    return a % b != 0 && (a % b < 0) != (b < 0) ? quotient - 1 : quotient;
  }
  /// CPython's: the quotient belongs to the remainder that % gives.
  static double apply(double a, double b) {
    if (b == 0) fail_zero_division();
    double rest = std::fmod(a, b);
    double quotient = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
    if (quotient == 0) return std::copysign(0.0, a / b);
    const double whole = std::floor(quotient);
    return quotient - whole > 0.5 ? whole + 1 : whole;
  }
};

}  // namespace intarsia
