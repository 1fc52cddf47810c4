// SPDX-License-Identifier: Apache-2.0
// The stored form of an Array, in PostgreSQL (bytea) and in batches:
//   byte 0     'A'
//   byte 1     DType
//   byte 2     number of dimensions
//   bytes 3-7  0
//   8 bytes    per dimension: its length, little-endian int64
//   ...        the elements, row-major, little-endian
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "intarsia/value.h"

namespace intarsia {

/// A look into the stored form; valid as long as the bytes are.
struct ArrayView {
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::string_view data;
};

[[nodiscard]] std::string array_to_bytes(DType dtype, std::span<const std::int64_t> shape, const void* data);
/// Bytes of the stored form, and writing it into that many bytes at `out`.
[[nodiscard]] std::size_t stored_array_size(DType dtype, std::span<const std::int64_t> shape);
void write_stored_array(DType dtype, std::span<const std::int64_t> shape, const void* data, char* out);
/// Throws Error(kInternal) when the bytes are no stored array.
[[nodiscard]] ArrayView array_from_bytes(std::string_view bytes);

}  // namespace intarsia
