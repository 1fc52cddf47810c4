// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "intarsia/media.h"
#include "intarsia/type.h"

namespace intarsia {

/// Microseconds since 1970-01-01 00:00 UTC.
struct Timestamp {
  std::int64_t microseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// Days since 1970-01-01.
struct Date {
  std::int32_t days = 0;
  auto operator<=>(const Date&) const = default;
};

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
  /// "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".
  [[nodiscard]] std::string text() const;
  /// With or without hyphens; throws Error(kInvalidArgument).
  static Uuid parse(std::string_view text);
  /// Random, version 4.
  static Uuid random();
};

/// A JSON document as text.
struct Json {
  std::string text;
  bool operator==(const Json&) const = default;
};

struct Binary {
  std::string bytes;
  bool operator==(const Binary&) const = default;
};

/// Numbers with a shape, row-major, native byte order (little-endian).
struct Array {
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::string data;
  bool operator==(const Array&) const = default;
};

/// Where a media cell's file is: a local path, or a file://, http(s):// or s3:// URL.
struct MediaUrl {
  std::string url;
  bool operator==(const MediaUrl&) const = default;
};

/// One cell's value. std::monostate is null.
class Value : public std::variant<std::monostate, bool, std::int64_t, double, std::string, Timestamp, Date, Uuid, Json,
                                  Binary, Array, MediaUrl, Image> {
 public:
  using variant::variant;
  Value(int number) : variant(static_cast<std::int64_t>(number)) {}  // NOLINT: implicit on purpose
  Value(const char* text) : variant(std::string(text)) {}            // NOLINT
  Value(std::string_view text) : variant(std::string(text)) {}       // NOLINT

  /// The same kind and the same content; images are equal when they share their pixels.
  bool operator==(const Value& other) const;

  [[nodiscard]] bool is_null() const noexcept { return std::holds_alternative<std::monostate>(*this); }
  /// The value as `T`; throws Error(kTypeMismatch) that names both when it is something else.
  template <typename T>
  [[nodiscard]] const T& as() const {
    if (const T* value = std::get_if<T>(this)) return *value;
    throw_mismatch(T{});
  }

  /// The narrowest type that holds it; null gives Json | None, a value of any kind.
  [[nodiscard]] Type type() const;
  /// As a Python user would read it: 5, 'abc', None, [1, 2].
  [[nodiscard]] std::string text() const;
  /// {"type": ..., "value": ...}; from_json reads it back. Images have no JSON form: Error(kUnsupportedOperation).
  [[nodiscard]] std::string json() const;
  static Value from_json(std::string_view json);

 private:
  [[noreturn]] void throw_mismatch(const Value& wanted) const;
};

}  // namespace intarsia
