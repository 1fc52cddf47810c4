// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "intarsia/error.h"
#include "media/download.h"
#include "media/load.h"
#include "type/array_bytes.h"
#include "type/column_data.h"

namespace intarsia {
namespace {

using Errors = std::vector<std::pair<std::int64_t, CellError>>;

Errors::const_iterator first_error_from(const Errors& errors, std::int64_t position) {
  return std::lower_bound(errors.begin(), errors.end(), position,
                          [](const auto& error, std::int64_t at) { return error.first < at; });
}

/// `cell.bytes`, encoded from its image when it has none. Requires: the cell's mutex is held.
const std::string& bytes_of(MediaCell& cell) {
  if (cell.bytes.empty() && !cell.image.empty()) cell.bytes = encode_image(cell.image, "png");
  return cell.bytes;
}

std::int64_t media_size(MediaCell& cell) {
  const std::lock_guard lock(cell.mutex);
  return static_cast<std::int64_t>(cell.bytes.size() + (cell.image.empty() ? 0 : cell.image.byte_size()));
}

std::filesystem::path content_path(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return file_cache() / "cells" / fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace

std::shared_ptr<arrow::DataType> arrow_type(const Type& type) {
  static const auto kTimestampType = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  static const auto kUuidType = arrow::fixed_size_binary(16);
  switch (type.kind()) {
    case TypeKind::kInt:
      return arrow::int64();
    case TypeKind::kFloat:
      return arrow::float64();
    case TypeKind::kBool:
      return arrow::boolean();
    case TypeKind::kTimestamp:
      return kTimestampType;
    case TypeKind::kDate:
      return arrow::date32();
    case TypeKind::kUuid:
      return kUuidType;
    case TypeKind::kArray:
    case TypeKind::kBinary:
      return arrow::binary();
    default:
      return arrow::utf8();
  }
}

std::shared_ptr<MediaCell> media_cell_at(const Column& column, std::int64_t row) {
  const auto& media = column.data()->media;
  return media.empty() ? nullptr : media[static_cast<std::size_t>(ColumnData::position(column, row))];
}

std::shared_ptr<arrow::Array> arrow_array(const Column& column) {
  if (!column.is_constant()) return column.data()->array->Slice(ColumnData::position(column, 0), column.length());
  ColumnBuilder spread(column.type());
  spread.reserve(column.length());
  for (std::int64_t row = 0; row < column.length(); ++row) spread.append_cell(column, row);
  return spread.finish().data()->array;
}

Column::Column(std::shared_ptr<const ColumnData> data)
    : data_(std::move(data)),
      offset_(data_->array->offset()),
      length_(data_->length),
      mask_(data_->constant ? 0 : -1),
      is_int_(data_->type.kind() == TypeKind::kInt) {
  const arrow::ArrayData& array = *data_->array->data();
  const auto address = [&array](std::size_t i) -> const std::uint8_t* {
    return i < array.buffers.size() && array.buffers[i] != nullptr ? array.buffers[i]->data() : nullptr;
  };
  if (data_->array->null_count() > 0) validity_ = address(0);
  values_ = address(1);
  text_ = reinterpret_cast<const char*>(address(2));
}

Column Column::constant(const Type& type, const Value& value, std::int64_t length) {
  ColumnBuilder one(type);
  one.append(value);
  auto data = std::make_shared<ColumnData>(*one.finish().data_);
  data->constant = true;
  data->length = length;
  return Column(std::move(data));
}

const Type& Column::type() const {
  return data_->type;
}

Array Column::array_at(std::int64_t row) const {
  ArrayView view = array_from_bytes(text_at(row));
  return {view.dtype, std::move(view.shape), std::string(view.data)};
}

Image Column::image_at(std::int64_t row) const {
  const std::shared_ptr<MediaCell> cell = media_cell_at(*this, row);
  if (cell == nullptr) return decode_image(load_media_bytes(text_at(row)));
  const std::lock_guard lock(cell->mutex);
  if (cell->image.empty())
    cell->image = decode_image(cell->bytes.empty() ? load_media_bytes(text_at(row)) : cell->bytes);
  return cell->image;
}

std::string Column::media_bytes_at(std::int64_t row) const {
  const std::string_view url = text_at(row);
  const std::shared_ptr<MediaCell> cell = media_cell_at(*this, row);
  if (cell == nullptr) return load_media_bytes(url);
  const std::lock_guard lock(cell->mutex);
  if (cell->bytes.empty() && !url.empty()) return load_media_bytes(url);
  return bytes_of(*cell);
}

std::string Column::media_path_at(std::int64_t row) const {
  const std::string_view url = text_at(row);
  if (!url.empty()) return local_media_path(url).string();
  const std::string bytes = media_bytes_at(row);
  const std::filesystem::path path = content_path(bytes);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) replace_file(path, bytes);
  return path.string();
}

bool Column::holds_media(std::int64_t row) const noexcept {
  return !data_->media.empty() && !is_null(row) && text_at(row).empty() &&
         data_->media[static_cast<std::size_t>(ColumnData::position(*this, row))] != nullptr;
}

Value Column::value_at(std::int64_t row) const {
  if (is_null(row)) return {};
  switch (type().kind()) {
    case TypeKind::kInt:
      return int_at(row);
    case TypeKind::kFloat:
      return float_at(row);
    case TypeKind::kString:
      return text_at(row);
    case TypeKind::kBool:
      return bool_at(row);
    case TypeKind::kTimestamp:
      return timestamp_at(row);
    case TypeKind::kDate:
      return date_at(row);
    case TypeKind::kUuid:
      return uuid_at(row);
    case TypeKind::kJson:
      return Json{std::string(text_at(row))};
    case TypeKind::kArray:
      return array_at(row);
    case TypeKind::kBinary:
      return Binary{std::string(text_at(row))};
    default:
      break;
  }
  if (!holds_media(row)) return MediaUrl{std::string(text_at(row))};
  if (type().kind() == TypeKind::kImage) return image_at(row);
  return Binary{media_bytes_at(row)};
}

bool Column::has_errors() const noexcept {
  if (data_ == nullptr || data_->errors.empty() || length_ == 0) return false;
  const auto error = first_error_from(data_->errors, ColumnData::position(*this, 0));
  return error != data_->errors.end() && error->first <= ColumnData::position(*this, length_ - 1);
}

const CellError* Column::error_at(std::int64_t row) const noexcept {
  if (data_->errors.empty()) return nullptr;
  const std::int64_t position = ColumnData::position(*this, row);
  const auto error = first_error_from(data_->errors, position);
  return error != data_->errors.end() && error->first == position ? &error->second : nullptr;
}

Column Column::slice(std::int64_t begin, std::int64_t length) const {
  Column part = *this;
  if (!is_constant()) part.offset_ += begin;
  part.length_ = length;
  return part;
}

Column Column::take(std::span<const std::int64_t> rows) const {
  if (is_constant()) return slice(0, static_cast<std::int64_t>(rows.size()));
  ColumnBuilder taken(type());
  taken.reserve(static_cast<std::int64_t>(rows.size()));
  for (const std::int64_t row : rows) taken.append_cell(*this, row);
  return taken.finish();
}

Column Column::with_type(const Type& type) const {
  if (type == this->type()) return *this;
  auto data = std::make_shared<ColumnData>(*data_);
  data->type = type;
  Column same = *this;
  same.data_ = std::move(data);
  return same;
}

Column Column::concat(std::span<const Column> parts) {
  if (parts.size() == 1) return parts[0];
  auto data = std::make_shared<ColumnData>();
  data->type = parts[0].type();
  arrow::ArrayVector arrays;
  for (const Column& part : parts) {
    if (part.type().nullable()) data->type = data->type.as_nullable();
    arrays.push_back(arrow_array(part));
    const auto begin = data->length;
    if (!part.data_->media.empty()) {
      data->media.resize(static_cast<std::size_t>(begin));
      for (std::int64_t row = 0; row < part.length(); ++row) data->media.push_back(media_cell_at(part, row));
    }
    data->length += part.length();
    if (!data->media.empty()) data->media.resize(static_cast<std::size_t>(data->length));
    if (!part.has_errors()) continue;
    for (std::int64_t row = 0; row < part.length(); ++row)
      if (const CellError* error = part.error_at(row)) data->errors.emplace_back(begin + row, *error);
  }
  auto joined = arrow::Concatenate(arrays);
  if (!joined.ok()) throw Error(ErrorCode::kUnsupportedOperation, "cannot join batches", joined.status().ToString());
  data->array = std::move(joined).ValueUnsafe();
  return Column(std::move(data));
}

std::int64_t Column::byte_size() const {
  if (data_ == nullptr || length_ == 0) return 0;
  const std::int64_t rows = is_constant() ? 1 : length_;
  const arrow::DataType& layout = *data_->array->type();
  std::int64_t bytes = validity_ == nullptr ? 0 : (rows + 7) / 8;
  if (text_ != nullptr) {
    const auto* offsets = static_cast<const std::int32_t*>(values_) + offset_;
    bytes += offsets[rows] - offsets[0] + rows * static_cast<std::int64_t>(sizeof(std::int32_t));
  } else {
    bytes += rows * std::max(layout.bit_width(), 1) / 8;
  }
  if (data_->media.empty()) return bytes;
  for (std::int64_t row = 0; row < rows; ++row)
    if (const auto cell = media_cell_at(*this, row)) bytes += media_size(*cell);
  return bytes;
}

}  // namespace intarsia
