// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "function/builtins.h"
#include "function/define.h"
#include "function/json_value.h"

namespace intarsia {
namespace {

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of the fraction.
double of_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  const double magnitude = exponent == 0    ? std::ldexp(fraction, -24)
                           : exponent != 31 ? std::ldexp(1024 + fraction, exponent - 25)
                           : fraction == 0  ? INFINITY
                                            : NAN;
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <typename T>
T element(const Array& array, std::size_t index) {
  T value;
  std::memcpy(&value, array.data.data() + index * sizeof(T), sizeof(T));
  return value;
}

JsonValue element_json(const Array& array, std::size_t index) {
  switch (array.dtype) {
    case DType::kBool:
      return element<std::uint8_t>(array, index) != 0;
    case DType::kInt8:
      return element<std::int8_t>(array, index);
    case DType::kInt16:
      return element<std::int16_t>(array, index);
    case DType::kInt32:
      return element<std::int32_t>(array, index);
    case DType::kInt64:
      return element<std::int64_t>(array, index);
    case DType::kUInt8:
      return element<std::uint8_t>(array, index);
    case DType::kUInt16:
      return element<std::uint16_t>(array, index);
    case DType::kUInt32:
      return element<std::uint32_t>(array, index);
    case DType::kUInt64:
      return element<std::uint64_t>(array, index);
    case DType::kFloat16:
      return of_half(element<std::uint16_t>(array, index));
    case DType::kFloat32:
      return static_cast<double>(element<float>(array, index));
    case DType::kFloat64:
      return element<double>(array, index);
  }
  return nullptr;
}

/// The elements from `next` on that belong to dimension `dimension` and those within it.
JsonValue nested_lists(const Array& array, std::size_t dimension, std::size_t& next) {
  if (dimension == array.shape.size()) return element_json(array, next++);
  JsonValue list = JsonValue::array();
  for (std::int64_t i = 0; i < array.shape[dimension]; ++i) list.push_back(nested_lists(array, dimension + 1, next));
  return list;
}

JsonValue to_list(const Array& array) {
  std::size_t next = 0;
  return nested_lists(array, 0, next);
}

}  // namespace

void register_array_functions() {
  define_method("array.to_list", {{"self", Type(TypeKind::kArray)}}, TypeKind::kJson,
                "The elements as lists in lists, one level per dimension.", "t.array.to_list()",
                scalar_kernel(to_list));
}

}  // namespace intarsia
