// SPDX-License-Identifier: Apache-2.0
#include "intarsia/value.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "intarsia/error.h"
#include "type/json_text.h"
#include "type/url_kind.h"

namespace intarsia {
namespace {

using Fields = nlohmann::json;

constexpr std::string_view kHexDigits = "0123456789abcdef";

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

int hex_digit(char c) {
  const std::size_t digit = kHexDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    hex += kHexDigits[static_cast<std::uint8_t>(c) >> 4];
    hex += kHexDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return hex;
}

std::string from_hex(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
  return bytes;
}

double to_double(const Fields& field) {
  if (field.is_number()) return field.get<double>();
  const auto& text = field.get_ref<const std::string&>();
  return text == "nan" ? std::nan("") : text == "-inf" ? -INFINITY : INFINITY;
}

std::string kind_of(const Value& value) {
  if (value.is_null()) return "None";
  return std::string(kind_name(value.type().kind()));
}

/// The cell's own fields, without its type.
Fields value_fields(const Value& value) {
  return std::visit(Overloaded{
                        [](std::monostate) { return Fields(nullptr); },
                        [](bool v) { return Fields(v); },
                        [](std::int64_t v) { return Fields(v); },
                        [](double v) { return std::isfinite(v) ? Fields(v) : Fields(float_text(v)); },
                        [](const std::string& v) { return Fields(v); },
                        [](Timestamp v) { return Fields(v.microseconds); },
                        [](Date v) { return Fields(v.days); },
                        [](const Uuid& v) { return Fields(v.text()); },
                        [](const Json& v) { return Fields(v.text); },
                        [](const Binary& v) { return Fields(to_hex(v.bytes)); },
                        [](const Array& v) { return Fields(to_hex(v.data)); },
                        [](const MediaUrl& v) { return Fields(v.url); },
                        [](const Image&) -> Fields {
                          throw Error(ErrorCode::kUnsupportedOperation,
                                      "a decoded image cannot be a literal; use its file's URL");
                        },
                    },
                    static_cast<const Value::variant&>(value));
}

Value value_of(const Type& type, const Fields& field) {
  if (field.is_null()) return {};
  switch (type.kind()) {
    case TypeKind::kInt:
      return field.get<std::int64_t>();
    case TypeKind::kFloat:
      return to_double(field);
    case TypeKind::kString:
      return field.get<std::string>();
    case TypeKind::kBool:
      return field.get<bool>();
    case TypeKind::kTimestamp:
      return Timestamp{field.get<std::int64_t>()};
    case TypeKind::kDate:
      return Date{field.get<std::int32_t>()};
    case TypeKind::kUuid:
      return Uuid::parse(field.get<std::string>());
    case TypeKind::kJson:
      return Json{field.get<std::string>()};
    case TypeKind::kArray:
      return Array{type.dtype().value_or(DType::kFloat32), type.shape(), from_hex(field.get<std::string>())};
    case TypeKind::kBinary:
      return Binary{from_hex(field.get<std::string>())};
    default:
      return MediaUrl{field.get<std::string>()};
  }
}

}  // namespace

std::string Uuid::text() const {
  std::string text = to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  for (const std::size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

Uuid Uuid::parse(std::string_view text) {
  Uuid uuid;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int digit = hex_digit(c);
    if (digit < 0 || digits == 32) throw Error(ErrorCode::kInvalidArgument, "not a UUID: '" + std::string(text) + "'");
    uuid.bytes[digits / 2] = static_cast<std::uint8_t>(uuid.bytes[digits / 2] << 4 | digit);
    ++digits;
  }
  if (digits != 32) throw Error(ErrorCode::kInvalidArgument, "not a UUID: '" + std::string(text) + "'");
  return uuid;
}

Uuid Uuid::random() {
  thread_local std::random_device device;
  Uuid uuid;
  for (auto& byte : uuid.bytes) byte = static_cast<std::uint8_t>(device());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

bool Value::operator==(const Value& other) const {
  return std::visit(
      [](const auto& left, const auto& right) {
        using Left = std::decay_t<decltype(left)>;
        if constexpr (!std::is_same_v<Left, std::decay_t<decltype(right)>>)
          return false;
        else if constexpr (std::is_same_v<Left, Image>)
          return left.data() == right.data();
        else
          return left == right;
      },
      static_cast<const variant&>(*this), static_cast<const variant&>(other));
}

Type Value::type() const {
  return std::visit(Overloaded{
                        [](std::monostate) { return Type(TypeKind::kJson, true); },
                        [](bool) { return Type(TypeKind::kBool); },
                        [](std::int64_t) { return Type(TypeKind::kInt); },
                        [](double) { return Type(TypeKind::kFloat); },
                        [](const std::string&) { return Type(TypeKind::kString); },
                        [](Timestamp) { return Type(TypeKind::kTimestamp); },
                        [](Date) { return Type(TypeKind::kDate); },
                        [](const Uuid&) { return Type(TypeKind::kUuid); },
                        [](const Json&) { return Type(TypeKind::kJson); },
                        [](const Binary&) { return Type(TypeKind::kBinary); },
                        [](const Array& v) { return Type::array(v.dtype, v.shape); },
                        [](const MediaUrl& v) { return Type(kind_of_url(v.url)); },
                        [](const Image& v) { return Type::image(v.width(), v.height(), v.mode()); },
                    },
                    static_cast<const variant&>(*this));
}

std::string Value::text() const {
  return std::visit(Overloaded{
                        [](std::monostate) { return std::string("None"); },
                        [](bool v) { return std::string(v ? "True" : "False"); },
                        [](std::int64_t v) { return std::to_string(v); },
                        [](double v) { return float_text(v); },
                        [](const std::string& v) { return quoted_text(v); },
                        [](Timestamp v) { return quoted_text(iso_text(v)); },
                        [](Date v) { return quoted_text(iso_text(v)); },
                        [](const Uuid& v) { return quoted_text(v.text()); },
                        [](const Json& v) { return python_text(v); },
                        [](const Binary& v) { return "<" + std::to_string(v.bytes.size()) + " bytes>"; },
                        [](const Array& v) { return "<" + Type::array(v.dtype, v.shape).text() + ">"; },
                        [](const MediaUrl& v) { return quoted_text(v.url); },
                        [](const Image& v) { return "<" + Type::image(v.width(), v.height(), v.mode()).text() + ">"; },
                    },
                    static_cast<const variant&>(*this));
}

std::string Value::json() const {
  const Fields fields = {{"type", Fields::parse(type().json())}, {"value", value_fields(*this)}};
  return fields.dump(-1, ' ', false, Fields::error_handler_t::replace);
}

Value Value::from_json(std::string_view json) try {
  const auto fields = Fields::parse(json);
  return value_of(Type::from_json(fields.at("type").dump()), fields.at("value"));
} catch (const Fields::exception& failure) {
  throw Error(ErrorCode::kInvalidDataFormat, "not the JSON form of a value: " + std::string(json), failure.what());
}

void Value::throw_mismatch(const Value& wanted) const {
  throw Error(ErrorCode::kTypeMismatch, "expected a value of type " + kind_of(wanted) + ", got " + kind_of(*this));
}

}  // namespace intarsia
