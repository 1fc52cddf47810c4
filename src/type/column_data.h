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

  /// Where row `row` of `column` is in its data: an index into `media` and what `errors` count.
  [[nodiscard]] static std::int64_t position(const Column& column, std::int64_t row) noexcept {
    return (row & column.mask_) + column.offset_ - column.data_->array->offset();
  }
};

/// The Arrow type that holds cells of `type`.
[[nodiscard]] std::shared_ptr<arrow::DataType> arrow_type(const Type& type);

/// The rows of `column` as an Arrow array; a constant column is spread out, otherwise nothing is copied.
[[nodiscard]] std::shared_ptr<arrow::Array> arrow_array(const Column& column);
/// What a media cell holds besides its URL; null when there is nothing.
[[nodiscard]] std::shared_ptr<MediaCell> media_cell_at(const Column& column, std::int64_t row);

}  // namespace intarsia
