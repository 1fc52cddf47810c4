// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "intarsia/type.h"
#include "intarsia/value.h"

struct ArrowArray;  // the Arrow C data interface
struct ArrowSchema;

namespace intarsia {

/// Why a cell has no value.
struct CellError {
  std::string type;  ///< "ValueError"
  std::string message;
  std::string traceback;  ///< empty for built-in functions
  bool operator==(const CellError&) const = default;
};

struct ColumnData;

/// Cells of one type: immutable, shared, cheap to copy. Laid out as Arrow lays out arrays; a constant column holds one
/// cell for all its rows. A media cell has a URL, bytes, or a decoded image; the image is loaded when first asked for.
/// Thread-safe.
class Column {
 public:
  Column() = default;
  explicit Column(std::shared_ptr<const ColumnData> data);
  /// `length` rows that all hold `value`.
  static Column constant(const Type& type, const Value& value, std::int64_t length);

  [[nodiscard]] const Type& type() const;
  [[nodiscard]] std::int64_t length() const noexcept { return length_; }
  [[nodiscard]] bool is_constant() const noexcept { return mask_ == 0; }

  /// Requires (all accessors): 0 <= row < length(), and the cell is of the accessor's kind and not null.
  [[nodiscard]] bool is_null(std::int64_t row) const noexcept {
    const std::int64_t i = (row & mask_) + offset_;
    return validity_ != nullptr && ((validity_[i >> 3] >> (i & 7)) & 1) == 0;
  }
  [[nodiscard]] std::int64_t int_at(std::int64_t row) const noexcept {
    return static_cast<const std::int64_t*>(values_)[(row & mask_) + offset_];
  }
  /// Also converts an Int column's cell.
  [[nodiscard]] double float_at(std::int64_t row) const noexcept {
    return is_int_ ? static_cast<double>(int_at(row)) : static_cast<const double*>(values_)[(row & mask_) + offset_];
  }
  [[nodiscard]] bool bool_at(std::int64_t row) const noexcept {
    const std::int64_t i = (row & mask_) + offset_;
    return ((static_cast<const std::uint8_t*>(values_)[i >> 3] >> (i & 7)) & 1) != 0;
  }
  /// Text of a String, text of a Json, bytes of a Binary, URL of a media cell (empty when it has none), the stored form
  /// of an Array (see type/array_bytes.h).
  [[nodiscard]] std::string_view text_at(std::int64_t row) const noexcept {
    const std::int64_t i = (row & mask_) + offset_;
    const auto* offsets = static_cast<const std::int32_t*>(values_);
    return {text_ + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
  }
  [[nodiscard]] Timestamp timestamp_at(std::int64_t row) const noexcept { return {int_at(row)}; }
  [[nodiscard]] Date date_at(std::int64_t row) const noexcept {
    return {static_cast<const std::int32_t*>(values_)[(row & mask_) + offset_]};
  }
  [[nodiscard]] Uuid uuid_at(std::int64_t row) const noexcept {
    return static_cast<const Uuid*>(values_)[(row & mask_) + offset_];
  }
  [[nodiscard]] Array array_at(std::int64_t row) const;
  /// The decoded image; loads and decodes it when first asked for. Throws Error when that fails.
  [[nodiscard]] Image image_at(std::int64_t row) const;
  /// The encoded bytes of a media cell: its own, else read from its URL. Throws Error when that fails.
  [[nodiscard]] std::string media_bytes_at(std::int64_t row) const;
  /// A local file that holds the media cell: the path of a local URL, the file cache's copy of a remote one, a new file
  /// for what is in no file yet. Throws Error when that fails.
  [[nodiscard]] std::string media_path_at(std::int64_t row) const;
  /// The media cell holds a decoded image or bytes that are not in any file.
  [[nodiscard]] bool holds_media(std::int64_t row) const noexcept;
  [[nodiscard]] Value value_at(std::int64_t row) const;

  [[nodiscard]] bool has_errors() const noexcept;
  /// The error of a cell (which is then null), or nullptr.
  [[nodiscard]] const CellError* error_at(std::int64_t row) const noexcept;

  [[nodiscard]] Column slice(std::int64_t begin, std::int64_t length) const;
  /// Rows `rows` in that order.
  [[nodiscard]] Column take(std::span<const std::int64_t> rows) const;
  /// The same cells under another type of the same kind (nullability, narrowing).
  [[nodiscard]] Column with_type(const Type& type) const;
  /// One column of all rows of `parts`, in order. Requires: the same kind throughout, at least one part.
  static Column concat(std::span<const Column> parts);
  /// Bytes of memory, decoded media included.
  [[nodiscard]] std::int64_t byte_size() const;

  /// Moves a copy of the handle out by the Arrow C data interface; media cells as URL text, arrays as fixed-size lists
  /// when the type has a full shape and as the stored bytes otherwise. The consumer calls release.
  void export_to(ArrowArray* array, ArrowSchema* schema, std::string_view name) const;
  [[nodiscard]] const std::shared_ptr<const ColumnData>& data() const noexcept { return data_; }

 private:
  friend struct ColumnData;
  std::shared_ptr<const ColumnData> data_;
  const std::uint8_t* validity_ = nullptr;
  const void* values_ = nullptr;
  const char* text_ = nullptr;
  std::int64_t offset_ = 0;
  std::int64_t length_ = 0;
  std::int64_t mask_ = -1;
  bool is_int_ = false;
};

/// Makes one Column cell by cell. Not thread-safe. Each append is one row; append_* must fit the type's kind.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type);
  ColumnBuilder(ColumnBuilder&&) noexcept;
  ColumnBuilder& operator=(ColumnBuilder&&) noexcept;
  ~ColumnBuilder();

  [[nodiscard]] const Type& type() const;
  [[nodiscard]] std::int64_t length() const;
  /// Of the variable-length cells so far: text, bytes, decoded images that were appended as such.
  [[nodiscard]] std::int64_t byte_size() const;
  void reserve(std::int64_t rows);

  void append_null();
  void append_error(CellError error);
  void append_int(std::int64_t value);
  void append_float(double value);
  void append_bool(bool value);
  /// String, Json (text of a document), Binary, a media URL, the stored form of an Array.
  void append_text(std::string_view value);
  void append_timestamp(Timestamp value);
  void append_date(Date value);
  void append_uuid(const Uuid& value);
  void append_array(DType dtype, std::span<const std::int64_t> shape, const void* data);
  void append_image(Image image);
  void append_media_bytes(std::string bytes);
  /// Any value of the type's kind; an integer also fits Float. Throws Error(kTypeMismatch) otherwise.
  void append(const Value& value);
  /// Cell `row` of `column`, errors and media included. Requires: the same kind.
  void append_cell(const Column& column, std::int64_t row);

  /// The column; the builder is empty afterwards.
  [[nodiscard]] Column finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Named columns of the same length.
class Batch {
 public:
  Batch() = default;
  Batch(std::vector<std::string> names, std::vector<Column> columns);

  [[nodiscard]] std::int64_t num_rows() const noexcept { return num_rows_; }
  [[nodiscard]] int num_columns() const noexcept { return static_cast<int>(columns_.size()); }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }
  [[nodiscard]] const Column& column(int index) const { return columns_[static_cast<std::size_t>(index)]; }
  /// -1 when there is none of that name.
  [[nodiscard]] int index_of(std::string_view name) const noexcept;
  [[nodiscard]] Batch slice(std::int64_t begin, std::int64_t length) const;
  [[nodiscard]] Batch take(std::span<const std::int64_t> rows) const;
  [[nodiscard]] std::int64_t byte_size() const;

  /// As a struct array by the Arrow C data interface. The consumer calls release.
  void export_to(ArrowArray* array, ArrowSchema* schema) const;
  /// Takes a struct array; strings, numbers, timestamps, ... become the nearest of our types.
  static Batch import_from(ArrowArray* array, ArrowSchema* schema);

 private:
  std::vector<std::string> names_;
  std::vector<Column> columns_;
  std::int64_t num_rows_ = 0;
};

}  // namespace intarsia
