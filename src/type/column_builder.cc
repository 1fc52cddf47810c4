// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>

#include <cstring>
#include <limits>

#include "intarsia/error.h"
#include "type/array_bytes.h"
#include "type/column_data.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

/// Memory in Arrow's alignment that grows at its end.
class GrowingBuffer {
 public:
  [[nodiscard]] std::uint8_t* data() noexcept { return data_; }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }

  /// Room for `bytes` more.
  void reserve(std::int64_t bytes) {
    if (size_ + bytes > capacity_) grow(size_ + bytes);
  }
  template <typename T>
  void append(const T& value) {
    reserve(sizeof(T));
    std::memcpy(data_ + size_, &value, sizeof(T));
    size_ += sizeof(T);
  }
  /// `bytes` of any content, to be filled by the caller.
  std::uint8_t* extend(std::int64_t bytes) {
    reserve(bytes);
    std::uint8_t* begin = data_ + size_;
    size_ += bytes;
    return begin;
  }
  void set_size(std::int64_t size) noexcept { size_ = size; }

  std::shared_ptr<arrow::Buffer> release() {
    if (buffer_ == nullptr) grow(0);
    check(buffer_->Resize(size_, false));
    data_ = nullptr;
    size_ = capacity_ = 0;
    return std::move(buffer_);
  }

 private:
  static void check(const arrow::Status& status) {
    if (!status.ok()) throw std::bad_alloc();
  }
  void grow(std::int64_t wanted) {
    const std::int64_t capacity = std::max<std::int64_t>({wanted, capacity_ * 2, 64});
    if (buffer_ == nullptr) {
      auto made = arrow::AllocateResizableBuffer(capacity);
      check(made.status());
      buffer_ = std::move(made).ValueUnsafe();
    } else {
      check(buffer_->Resize(capacity, false));
    }
    data_ = buffer_->mutable_data();
    capacity_ = capacity;
  }

  std::shared_ptr<arrow::ResizableBuffer> buffer_;
  std::uint8_t* data_ = nullptr;
  std::int64_t size_ = 0;
  std::int64_t capacity_ = 0;
};

/// One bit per row; bytes come zeroed.
class GrowingBits {
 public:
  void append(std::int64_t at, bool bit) {
    if ((at & 7) == 0) bytes_.append<std::uint8_t>(0);
    bytes_.data()[at >> 3] |= static_cast<std::uint8_t>(bit) << (at & 7);
  }
  /// `count` ones from the start.
  void fill(std::int64_t count) {
    const std::int64_t bytes = (count + 7) / 8;
    std::memset(bytes_.extend(bytes), 0xff, static_cast<std::size_t>(bytes));
    if ((count & 7) != 0) bytes_.data()[bytes - 1] = static_cast<std::uint8_t>((1 << (count & 7)) - 1);
  }
  void reserve(std::int64_t bits) { bytes_.reserve(bits / 8 + 1); }
  std::shared_ptr<arrow::Buffer> release() { return bytes_.release(); }

 private:
  GrowingBuffer bytes_;
};

/// How the cells of a kind lie in memory.
enum class Layout { kInt64, kInt32, kBits, kUuid, kText };

Layout layout_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kTimestamp:
      return Layout::kInt64;
    case TypeKind::kDate:
      return Layout::kInt32;
    case TypeKind::kBool:
      return Layout::kBits;
    case TypeKind::kUuid:
      return Layout::kUuid;
    default:
      return Layout::kText;
  }
}

}  // namespace

struct ColumnBuilder::State {
  explicit State(Type of) : type(std::move(of)), kind(type.kind()), layout(layout_of(kind)) {}

  Type type;
  TypeKind kind;
  Layout layout;
  std::int64_t length = 0;
  std::int64_t null_count = 0;
  GrowingBuffer values;  // or the offsets of kText
  GrowingBuffer text;
  GrowingBits bits;      // of kBits
  GrowingBits validity;  // in use once there is a null
  std::vector<std::shared_ptr<MediaCell>> media;
  std::int64_t media_bytes = 0;
  std::vector<std::pair<std::int64_t, CellError>> errors;

  void end_row(bool valid = true) {
    if (!valid && null_count++ == 0) validity.fill(length);
    if (null_count > 0) validity.append(length, valid);
    ++length;
  }
  void end_media_row(std::shared_ptr<MediaCell> cell) {
    if (cell != nullptr) media.resize(static_cast<std::size_t>(length));
    if (cell != nullptr || !media.empty()) media.push_back(std::move(cell));
  }
  /// Room for one text cell of `size` bytes, whose offset is noted.
  std::uint8_t* extend_text(std::size_t size) {
    if (text.size() + static_cast<std::int64_t>(size) > std::numeric_limits<std::int32_t>::max())
      throw Error(ErrorCode::kUnsupportedOperation, "a batch holds more than 2 GiB of text or bytes in one column");
    if (length == 0) values.append<std::int32_t>(0);
    std::uint8_t* begin = text.extend(static_cast<std::int64_t>(size));
    values.append(static_cast<std::int32_t>(text.size()));
    return begin;
  }
  void append_text(std::string_view value) {
    std::uint8_t* begin = extend_text(value.size());
    if (!value.empty()) std::memcpy(begin, value.data(), value.size());
  }
  void append_zero() {
    switch (layout) {
      case Layout::kInt64:
        return values.append<std::int64_t>(0);
      case Layout::kInt32:
        return values.append<std::int32_t>(0);
      case Layout::kUuid:
        return values.append(Uuid{});
      case Layout::kBits:
        return bits.append(length, false);
      case Layout::kText:
        return append_text({});
    }
  }
  [[nodiscard]] std::vector<std::shared_ptr<arrow::Buffer>> release_buffers() {
    std::shared_ptr<arrow::Buffer> nulls = null_count > 0 ? validity.release() : nullptr;
    if (layout == Layout::kBits) return {std::move(nulls), bits.release()};
    if (layout != Layout::kText) return {std::move(nulls), values.release()};
    if (length == 0) values.append<std::int32_t>(0);
    return {std::move(nulls), values.release(), text.release()};
  }
  [[noreturn]] void mismatch(const Value& value) const {
    throw Error(ErrorCode::kTypeMismatch,
                "expected a value of type " + type.text() + ", got " + value.type().text() + " " + value.text());
  }
};

ColumnBuilder::ColumnBuilder(Type type) : state_(std::make_unique<State>(std::move(type))) {}
ColumnBuilder::ColumnBuilder(ColumnBuilder&&) noexcept = default;
ColumnBuilder& ColumnBuilder::operator=(ColumnBuilder&&) noexcept = default;
ColumnBuilder::~ColumnBuilder() = default;

const Type& ColumnBuilder::type() const {
  return state_->type;
}

std::int64_t ColumnBuilder::length() const {
  return state_->length;
}

std::int64_t ColumnBuilder::byte_size() const {
  return state_->text.size() + state_->media_bytes;
}

void ColumnBuilder::reserve(std::int64_t rows) {
  switch (state_->layout) {
    case Layout::kInt64:
      return state_->values.reserve(rows * 8);
    case Layout::kInt32:
      return state_->values.reserve(rows * 4);
    case Layout::kUuid:
      return state_->values.reserve(rows * 16);
    case Layout::kBits:
      return state_->bits.reserve(rows);
    case Layout::kText:
      return state_->values.reserve(rows * 4 + 4);
  }
}

void ColumnBuilder::append_null() {
  State& s = *state_;
  s.append_zero();
  if (!s.media.empty()) s.end_media_row(nullptr);
  s.end_row(false);
}

void ColumnBuilder::append_error(CellError error) {
  state_->errors.emplace_back(state_->length, std::move(error));
  append_null();
}

void ColumnBuilder::append_int(std::int64_t value) {
  State& s = *state_;
  if (s.kind == TypeKind::kFloat) return append_float(static_cast<double>(value));
  s.values.append(value);
  s.end_row();
}

void ColumnBuilder::append_float(double value) {
  state_->values.append(value);
  state_->end_row();
}

void ColumnBuilder::append_bool(bool value) {
  state_->bits.append(state_->length, value);
  state_->end_row();
}

void ColumnBuilder::append_text(std::string_view value) {
  State& s = *state_;
  s.append_text(value);
  if (!s.media.empty()) s.end_media_row(nullptr);
  s.end_row();
}

void ColumnBuilder::append_timestamp(Timestamp value) {
  state_->values.append(value.microseconds);
  state_->end_row();
}

void ColumnBuilder::append_date(Date value) {
  state_->values.append(value.days);
  state_->end_row();
}

void ColumnBuilder::append_uuid(const Uuid& value) {
  state_->values.append(value);
  state_->end_row();
}

void ColumnBuilder::append_array(DType dtype, std::span<const std::int64_t> shape, const void* data) {
  std::uint8_t* begin = state_->extend_text(stored_array_size(dtype, shape));
  write_stored_array(dtype, shape, data, reinterpret_cast<char*>(begin));
  state_->end_row();
}

void ColumnBuilder::append_image(Image image) {
  auto cell = std::make_shared<MediaCell>();
  state_->media_bytes += static_cast<std::int64_t>(image.empty() ? 0 : image.byte_size());
  cell->image = std::move(image);
  state_->append_text({});
  state_->end_media_row(std::move(cell));
  state_->end_row();
}

void ColumnBuilder::append_media_bytes(std::string bytes) {
  auto cell = std::make_shared<MediaCell>();
  state_->media_bytes += static_cast<std::int64_t>(bytes.size());
  cell->bytes = std::move(bytes);
  state_->append_text({});
  state_->end_media_row(std::move(cell));
  state_->end_row();
}

void ColumnBuilder::append(const Value& value) {
  const State& s = *state_;
  const auto* integer = std::get_if<std::int64_t>(&value);
  const auto* number = std::get_if<double>(&value);
  const auto* truth = std::get_if<bool>(&value);
  const auto* text = std::get_if<std::string>(&value);
  if (value.is_null()) return append_null();
  switch (s.kind) {
    case TypeKind::kInt:
      if (integer != nullptr) return append_int(*integer);
      break;
    case TypeKind::kFloat:
      if (number != nullptr) return append_float(*number);
      if (integer != nullptr) return append_float(static_cast<double>(*integer));
      break;
    case TypeKind::kBool:
      if (truth != nullptr) return append_bool(*truth);
      break;
    case TypeKind::kString:
      if (text != nullptr) return append_text(*text);
      break;
    case TypeKind::kTimestamp:
      if (const auto* timestamp = std::get_if<Timestamp>(&value)) return append_timestamp(*timestamp);
      break;
    case TypeKind::kDate:
      if (const auto* date = std::get_if<Date>(&value)) return append_date(*date);
      break;
    case TypeKind::kUuid:
      if (const auto* uuid = std::get_if<Uuid>(&value)) return append_uuid(*uuid);
      break;
    case TypeKind::kJson:
      if (const auto* json = std::get_if<Json>(&value)) return append_text(json->text);
      if (integer != nullptr) return append_text(std::to_string(*integer));
      if (number != nullptr) return append_text(json_number(*number));
      if (truth != nullptr) return append_text(*truth ? "true" : "false");
      if (text != nullptr) return append_text(json_string(*text));
      break;
    case TypeKind::kArray:
      if (const auto* array = std::get_if<Array>(&value))
        return append_array(array->dtype, array->shape, array->data.data());
      break;
    case TypeKind::kBinary:
      if (const auto* binary = std::get_if<Binary>(&value)) return append_text(binary->bytes);
      break;
    default:
      if (const auto* url = std::get_if<MediaUrl>(&value)) return append_text(url->url);
      if (text != nullptr) return append_text(*text);
      if (const auto* binary = std::get_if<Binary>(&value)) return append_media_bytes(binary->bytes);
      if (const auto* image = std::get_if<Image>(&value); image != nullptr && s.kind == TypeKind::kImage)
        return append_image(*image);
      break;
  }
  s.mismatch(value);
}

void ColumnBuilder::append_cell(const Column& column, std::int64_t row) {
  State& s = *state_;
  if (column.is_null(row)) {
    if (const CellError* error = column.error_at(row)) return append_error(*error);
    return append_null();
  }
  switch (s.layout) {
    case Layout::kInt64:
      if (s.kind == TypeKind::kFloat) return append_float(column.float_at(row));
      return append_int(column.int_at(row));
    case Layout::kInt32:
      return append_date(column.date_at(row));
    case Layout::kUuid:
      return append_uuid(column.uuid_at(row));
    case Layout::kBits:
      return append_bool(column.bool_at(row));
    case Layout::kText:
      s.append_text(column.text_at(row));
      s.end_media_row(media_cell_at(column, row));
      return s.end_row();
  }
}

Column ColumnBuilder::finish() {
  State& s = *state_;
  auto data = std::make_shared<ColumnData>();
  data->type = s.type;
  data->length = s.length;
  data->array =
      arrow::MakeArray(arrow::ArrayData::Make(arrow_type(s.type), s.length, s.release_buffers(), s.null_count));
  data->media = std::move(s.media);
  data->errors = std::move(s.errors);
  *state_ = State(data->type);
  return Column(std::move(data));
}

}  // namespace intarsia
