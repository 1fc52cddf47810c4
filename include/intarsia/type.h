// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intarsia/media.h"

namespace intarsia {

enum class TypeKind : std::uint8_t {
  kInt,     ///< 64-bit signed
  kFloat,   ///< IEEE double
  kString,  ///< UTF-8
  kBool,
  kTimestamp,  ///< microseconds, UTC
  kDate,       ///< days
  kUuid,
  kJson,
  kArray,  ///< numbers with a dtype and a shape
  kBinary,
  kImage,
  kVideo,
  kAudio,
  kDocument,
};

/// Element type of an Array, named as NumPy names it.
enum class DType : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat16,
  kFloat32,
  kFloat64
};
[[nodiscard]] std::string_view dtype_name(DType dtype);
/// The inverse of dtype_name; throws Error(kInvalidType).
[[nodiscard]] DType parse_dtype(std::string_view name);
/// Bytes per element.
[[nodiscard]] std::size_t dtype_size(DType dtype);

/// Length of a dimension that may vary from cell to cell.
inline constexpr std::int64_t kAnyLength = -1;

/// The type of a column or an expression: a kind, whether a cell may be null, and what narrows the kind.
class Type {
 public:
  Type() = default;
  Type(TypeKind kind, bool nullable = false) : kind_(kind), nullable_(nullable) {}  // NOLINT: implicit on purpose

  /// Array of `dtype`; `shape` empty: any shape; a dimension may be kAnyLength.
  static Type array(std::optional<DType> dtype, std::vector<std::int64_t> shape, bool nullable = false);
  /// Image of this size and mode; 0 or nullopt: any.
  static Type image(int width, int height, std::optional<PixelMode> mode, bool nullable = false);

  [[nodiscard]] TypeKind kind() const noexcept { return kind_; }
  [[nodiscard]] bool nullable() const noexcept { return nullable_; }
  [[nodiscard]] Type as_nullable(bool nullable = true) const;
  [[nodiscard]] bool is_numeric() const noexcept { return kind_ == TypeKind::kInt || kind_ == TypeKind::kFloat; }
  /// Cells are files: image, video, audio, document.
  [[nodiscard]] bool is_media() const noexcept { return kind_ >= TypeKind::kImage; }

  [[nodiscard]] std::optional<DType> dtype() const noexcept { return dtype_; }
  [[nodiscard]] const std::vector<std::int64_t>& shape() const noexcept { return shape_; }
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] std::optional<PixelMode> mode() const noexcept { return mode_; }

  /// As a user writes it: "Int", "Float | None", "Array[(3,), float32]", "Image[(96, 96), 'RGB']".
  [[nodiscard]] std::string text() const;
  /// One JSON object with every field that differs from its default; from_json reads it back.
  [[nodiscard]] std::string json() const;
  static Type from_json(std::string_view json);

  /// A cell of `other` is a cell of this type without a conversion (nullability counts).
  [[nodiscard]] bool accepts(const Type& other) const;
  bool operator==(const Type& other) const = default;

 private:
  TypeKind kind_ = TypeKind::kInt;
  bool nullable_ = false;
  std::optional<DType> dtype_;
  std::optional<PixelMode> mode_;
  int width_ = 0;
  int height_ = 0;
  std::vector<std::int64_t> shape_;
};

/// "Int", "Float", ..., without nullability or what narrows the kind.
[[nodiscard]] std::string_view kind_name(TypeKind kind);
/// The inverse of kind_name; throws Error(kInvalidType).
[[nodiscard]] TypeKind parse_kind(std::string_view name);

}  // namespace intarsia
