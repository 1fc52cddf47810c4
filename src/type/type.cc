// SPDX-License-Identifier: Apache-2.0
#include "intarsia/type.h"

#include <array>
#include <nlohmann/json.hpp>

#include "intarsia/error.h"

namespace intarsia {
namespace {

constexpr std::array<std::string_view, 14> kKindNames = {"Int",   "Float", "String", "Bool",    "Timestamp",
                                                         "Date",  "UUID",  "Json",   "Array",   "Binary",
                                                         "Image", "Video", "Audio",  "Document"};

struct DTypeInfo {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DTypeInfo, 12> kDTypes = {{{"bool", 1},
                                                {"int8", 1},
                                                {"int16", 2},
                                                {"int32", 4},
                                                {"int64", 8},
                                                {"uint8", 1},
                                                {"uint16", 2},
                                                {"uint32", 4},
                                                {"uint64", 8},
                                                {"float16", 2},
                                                {"float32", 4},
                                                {"float64", 8}}};

std::string dimension_text(std::int64_t length) {
  return length <= 0 ? "None" : std::to_string(length);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == kAnyLength ? "None" : std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)].name;
}

std::size_t dtype_size(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)].size;
}

DType parse_dtype(std::string_view name) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i)
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  throw Error(ErrorCode::kInvalidType, "unknown array dtype '" + std::string(name) + "'");
}

std::string_view kind_name(TypeKind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

TypeKind parse_kind(std::string_view name) {
  for (std::size_t i = 0; i < kKindNames.size(); ++i)
    if (kKindNames[i] == name) return static_cast<TypeKind>(i);
  throw Error(ErrorCode::kInvalidType, "unknown type '" + std::string(name) + "'");
}

Type Type::array(std::optional<DType> dtype, std::vector<std::int64_t> shape, bool nullable) {
  Type type(TypeKind::kArray, nullable);
  type.dtype_ = dtype;
  type.shape_ = std::move(shape);
  return type;
}

Type Type::image(int width, int height, std::optional<PixelMode> mode, bool nullable) {
  Type type(TypeKind::kImage, nullable);
  type.width_ = width;
  type.height_ = height;
  type.mode_ = mode;
  return type;
}

Type Type::as_nullable(bool nullable) const {
  Type type = *this;
  type.nullable_ = nullable;
  return type;
}

std::string Type::text() const {
  std::string narrowed;
  const auto add = [&narrowed](const std::string& part) { narrowed += (narrowed.empty() ? "" : ", ") + part; };
  if (!shape_.empty()) add(shape_text(shape_));
  if (dtype_) add(std::string(dtype_name(*dtype_)));
  if (width_ > 0 || height_ > 0) add("(" + dimension_text(width_) + ", " + dimension_text(height_) + ")");
  if (mode_) add("'" + std::string(mode_name(*mode_)) + "'");
  std::string text(kind_name(kind_));
  if (!narrowed.empty()) text += "[" + narrowed + "]";
  return nullable_ ? text + " | None" : text;
}

std::string Type::json() const {
  nlohmann::json fields = {{"kind", kind_name(kind_)}};
  if (nullable_) fields["nullable"] = true;
  if (dtype_) fields["dtype"] = dtype_name(*dtype_);
  if (!shape_.empty()) fields["shape"] = shape_;
  if (width_ > 0) fields["width"] = width_;
  if (height_ > 0) fields["height"] = height_;
  if (mode_) fields["mode"] = mode_name(*mode_);
  return fields.dump();
}

Type Type::from_json(std::string_view json) try {
  const auto fields = nlohmann::json::parse(json);
  Type type(parse_kind(fields.at("kind").get<std::string>()), fields.value("nullable", false));
  if (fields.contains("dtype")) type.dtype_ = parse_dtype(fields["dtype"].get<std::string>());
  if (fields.contains("mode")) type.mode_ = parse_mode(fields["mode"].get<std::string>());
  type.shape_ = fields.value("shape", std::vector<std::int64_t>{});
  type.width_ = fields.value("width", 0);
  type.height_ = fields.value("height", 0);
  return type;
} catch (const nlohmann::json::exception& failure) {
  throw Error(ErrorCode::kInvalidType, "not the JSON form of a type: " + std::string(json), failure.what());
}

bool Type::accepts(const Type& other) const {
  if (kind_ != other.kind_ || (other.nullable_ && !nullable_)) return false;
  if (dtype_ && dtype_ != other.dtype_) return false;
  if (mode_ && mode_ != other.mode_) return false;
  if (width_ > 0 && width_ != other.width_) return false;
  if (height_ > 0 && height_ != other.height_) return false;
  if (shape_.empty()) return true;
  if (shape_.size() != other.shape_.size()) return false;
  for (std::size_t i = 0; i < shape_.size(); ++i)
    if (shape_[i] != kAnyLength && shape_[i] != other.shape_[i]) return false;
  return true;
}

}  // namespace intarsia
