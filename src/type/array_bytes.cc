// SPDX-License-Identifier: Apache-2.0
#include "type/array_bytes.h"

#include <cstring>

#include "intarsia/error.h"

namespace intarsia {
namespace {

constexpr std::size_t kFixedBytes = 8;

std::size_t element_bytes(DType dtype, std::span<const std::int64_t> shape) {
  std::size_t bytes = dtype_size(dtype);
  for (const std::int64_t length : shape) bytes *= static_cast<std::size_t>(length);
  return bytes;
}

}  // namespace

std::size_t stored_array_size(DType dtype, std::span<const std::int64_t> shape) {
  return kFixedBytes + shape.size() * sizeof(std::int64_t) + element_bytes(dtype, shape);
}

void write_stored_array(DType dtype, std::span<const std::int64_t> shape, const void* data, char* out) {
  std::memset(out, 0, kFixedBytes);
  out[0] = 'A';
  out[1] = static_cast<char>(dtype);
  out[2] = static_cast<char>(shape.size());
  if (!shape.empty()) std::memcpy(out + kFixedBytes, shape.data(), shape.size_bytes());
  const std::size_t bytes = element_bytes(dtype, shape);
  if (bytes > 0) std::memcpy(out + kFixedBytes + shape.size_bytes(), data, bytes);
}

std::string array_to_bytes(DType dtype, std::span<const std::int64_t> shape, const void* data) {
  std::string bytes(stored_array_size(dtype, shape), '\0');
  write_stored_array(dtype, shape, data, bytes.data());
  return bytes;
}

ArrayView array_from_bytes(std::string_view bytes) {
  const auto damaged = [] { return Error(ErrorCode::kInternal, "the stored bytes of an array are damaged"); };
  if (bytes.size() < kFixedBytes || bytes[0] != 'A' ||
      static_cast<std::uint8_t>(bytes[1]) > static_cast<std::uint8_t>(DType::kFloat64))
    throw damaged();
  ArrayView view;
  view.dtype = static_cast<DType>(bytes[1]);
  view.shape.resize(static_cast<std::uint8_t>(bytes[2]));
  const std::size_t head = kFixedBytes + view.shape.size() * sizeof(std::int64_t);
  if (bytes.size() < head) throw damaged();
  if (!view.shape.empty()) std::memcpy(view.shape.data(), bytes.data() + kFixedBytes, head - kFixedBytes);
  view.data = bytes.substr(head);
  if (view.data.size() != element_bytes(view.dtype, view.shape)) throw damaged();
  return view;
}

}  // namespace intarsia
