// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/array.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "intarsia/batch.h"

namespace intarsia {

/// The part of a media cell that is not in its URL: bytes, a decoded image, or both. Loaded once, by whoever asks
/// first.
struct MediaCell {
  std::mutex mutex;
  std::string bytes;
  Image image;
};

/// What a Column shares. `array` is int64, double, bool, timestamp[us, UTC], date32, fixed_size_binary(16), or utf8 /
/// binary for text, JSON, URLs and the stored form of arrays.
struct ColumnData {
  Type type;
  std::shared_ptr<arrow::Array> array;
  std::vector<std::shared_ptr<MediaCell>> media;           ///< empty, or one per row (null: the URL is all there is)
  std::vector<std::pair<std::int64_t, CellError>> errors;  ///< by row
  bool constant = false;                                   ///< `array` has one cell that stands for `length` rows
  std::int64_t length = 0;
};

/// The Arrow type that holds cells of `type`.
[[nodiscard]] std::shared_ptr<arrow::DataType> arrow_type(const Type& type);

}  // namespace intarsia
