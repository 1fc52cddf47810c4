// SPDX-License-Identifier: Apache-2.0
#include "type/arrow_export.h"

#include <arrow/api.h>
#include <arrow/c/bridge.h>

#include <cstring>

#include "intarsia/error.h"
#include "type/array_bytes.h"
#include "type/arrow_error.h"
#include "type/column_data.h"

namespace intarsia {
namespace {

std::shared_ptr<arrow::DataType> element_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return arrow::boolean();
    case DType::kInt8:
      return arrow::int8();
    case DType::kInt16:
      return arrow::int16();
    case DType::kInt32:
      return arrow::int32();
    case DType::kInt64:
      return arrow::int64();
    case DType::kUInt8:
      return arrow::uint8();
    case DType::kUInt16:
      return arrow::uint16();
    case DType::kUInt32:
      return arrow::uint32();
    case DType::kUInt64:
      return arrow::uint64();
    case DType::kFloat16:
      return arrow::float16();
    case DType::kFloat32:
      return arrow::float32();
    case DType::kFloat64:
      return arrow::float64();
  }
  return arrow::null();
}

bool has_full_shape(const Type& type) {
  return type.dtype() && !type.shape().empty() &&
         std::none_of(type.shape().begin(), type.shape().end(),
                      [](std::int64_t length) { return length == kAnyLength; });
}

std::shared_ptr<arrow::DataType> exported_type(const Type& type) {
  if (type.kind() != TypeKind::kArray || !has_full_shape(type)) return arrow_type(type);
  std::shared_ptr<arrow::DataType> list = element_type(*type.dtype());
  for (auto length = type.shape().rbegin(); length != type.shape().rend(); ++length)
    list = arrow::fixed_size_list(std::move(list), static_cast<std::int32_t>(*length));
  return list;
}

/// The elements of all cells, one cell after the other; zeros for null cells.
std::shared_ptr<arrow::Buffer> all_elements(const Column& column, std::int64_t cell_elements) {
  const DType dtype = *column.type().dtype();
  const std::int64_t cell_bytes = cell_elements * static_cast<std::int64_t>(dtype_size(dtype));
  std::shared_ptr<arrow::Buffer> buffer = value_or_throw(arrow::AllocateBuffer(cell_bytes * column.length()));
  std::uint8_t* at = buffer->mutable_data();
  for (std::int64_t row = 0; row < column.length(); ++row, at += cell_bytes) {
    std::string_view data;
    if (!column.is_null(row)) data = array_from_bytes(column.text_at(row)).data;
    if (!data.empty() && static_cast<std::int64_t>(data.size()) != cell_bytes)
      throw Error(ErrorCode::kInternal, "an array cell does not have the shape of its column");
    if (data.empty())
      std::memset(at, 0, static_cast<std::size_t>(cell_bytes));
    else
      std::memcpy(at, data.data(), data.size());
  }
  return buffer;
}

/// One bit for each byte.
std::shared_ptr<arrow::Buffer> packed_bits(const arrow::Buffer& bytes) {
  std::shared_ptr<arrow::Buffer> bits = value_or_throw(arrow::AllocateEmptyBitmap(bytes.size()));
  for (std::int64_t i = 0; i < bytes.size(); ++i)
    bits->mutable_data()[i >> 3] |= static_cast<std::uint8_t>((bytes.data()[i] != 0) << (i & 7));
  return bits;
}

std::shared_ptr<arrow::Array> nested_lists(const Column& column, const std::shared_ptr<arrow::Array>& stored) {
  const Type& type = column.type();
  std::int64_t elements = 1;
  for (const std::int64_t length : type.shape()) elements *= length;
  std::shared_ptr<arrow::Buffer> buffer = all_elements(column, elements);
  if (*type.dtype() == DType::kBool) buffer = packed_bits(*buffer);
  std::int64_t length = elements * column.length();
  auto data = arrow::ArrayData::Make(element_type(*type.dtype()), length, {nullptr, std::move(buffer)}, 0);
  for (auto dimension = type.shape().rbegin(); dimension != type.shape().rend(); ++dimension) {
    length = *dimension == 0 ? column.length() : length / *dimension;
    data = arrow::ArrayData::Make(arrow::fixed_size_list(data->type, static_cast<std::int32_t>(*dimension)), length,
                                  {nullptr}, {data}, 0);
  }
  if (stored->null_count() > 0) {
    data->buffers[0] = value_or_throw(arrow::AllocateEmptyBitmap(column.length()));
    for (std::int64_t row = 0; row < column.length(); ++row)
      data->buffers[0]->mutable_data()[row >> 3] |= static_cast<std::uint8_t>(!column.is_null(row) << (row & 7));
    data->null_count = stored->null_count();
  }
  return arrow::MakeArray(data);
}

/// URLs, with null where the cell is in no file.
std::shared_ptr<arrow::Array> urls(const Column& column, const std::shared_ptr<arrow::Array>& stored) {
  if (column.data()->media.empty()) return stored;
  ColumnBuilder urls(Type(TypeKind::kString, true));
  for (std::int64_t row = 0; row < column.length(); ++row) {
    if (column.is_null(row) || column.text_at(row).empty())
      urls.append_null();
    else
      urls.append_text(column.text_at(row));
  }
  return urls.finish().data()->array;
}

}  // namespace

std::shared_ptr<arrow::Field> exported_field(const Type& type, std::string name) {
  auto field = arrow::field(std::move(name), exported_type(type), type.nullable() || type.is_media());
  if (type.kind() != TypeKind::kUuid) return field;
  return field->WithMetadata(
      arrow::key_value_metadata({{"ARROW:extension:name", "arrow.uuid"}, {"ARROW:extension:metadata", ""}}));
}

std::shared_ptr<arrow::Array> exported_array(const Column& column) {
  std::shared_ptr<arrow::Array> stored = arrow_array(column);
  if (column.type().is_media()) return urls(column, stored);
  if (column.type().kind() == TypeKind::kArray && has_full_shape(column.type())) return nested_lists(column, stored);
  return stored;
}

void Column::export_to(ArrowArray* array, ArrowSchema* schema, std::string_view name) const {
  const auto values = exported_array(*this);
  check_arrow(arrow::ExportField(*exported_field(type(), std::string(name)), schema));
  check_arrow(arrow::ExportArray(*values, array));
}

}  // namespace intarsia
