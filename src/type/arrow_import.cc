// SPDX-License-Identifier: Apache-2.0
#include "type/arrow_import.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/extension_type.h>

#include "intarsia/error.h"
#include "type/array_bytes.h"
#include "type/arrow_error.h"
#include "type/arrow_json.h"
#include "type/column_data.h"

namespace intarsia {
namespace {

using Id = arrow::Type;

Column wrapped(const Type& type, std::shared_ptr<arrow::Array> array) {
  auto data = std::make_shared<ColumnData>();
  data->type = type.as_nullable(array->null_count() > 0);
  data->length = array->length();
  data->array = std::move(array);
  return Column(std::move(data));
}

std::shared_ptr<arrow::Array> cast(const std::shared_ptr<arrow::Array>& array, const Type& type) {
  if (array->type()->Equals(*arrow_type(type))) return array;
  arrow::compute::CastOptions options;
  options.allow_time_truncate = true;
  options.allow_invalid_utf8 = false;
  options.allow_decimal_truncate = true;
  const auto cast = arrow::compute::Cast(arrow::Datum(array), arrow_type(type), options);
  return value_or_throw(cast).make_array();
}

std::optional<DType> dtype_of(Id::type id) {
  switch (id) {
    case Id::BOOL:
      return DType::kBool;
    case Id::INT8:
      return DType::kInt8;
    case Id::INT16:
      return DType::kInt16;
    case Id::INT32:
      return DType::kInt32;
    case Id::INT64:
      return DType::kInt64;
    case Id::UINT8:
      return DType::kUInt8;
    case Id::UINT16:
      return DType::kUInt16;
    case Id::UINT32:
      return DType::kUInt32;
    case Id::UINT64:
      return DType::kUInt64;
    case Id::HALF_FLOAT:
      return DType::kFloat16;
    case Id::FLOAT:
      return DType::kFloat32;
    case Id::DOUBLE:
      return DType::kFloat64;
    default:
      return std::nullopt;
  }
}

/// Nested fixed-size lists of numbers: their shape, and the elements of all cells in a row.
struct Tensor {
  DType dtype;
  std::vector<std::int64_t> shape;
  std::int64_t cell_elements = 1;
  std::shared_ptr<arrow::Array> elements;
};

std::optional<Tensor> tensor_of(std::shared_ptr<arrow::Array> array) {
  Tensor tensor;
  while (array->type_id() == Id::FIXED_SIZE_LIST) {
    const auto& list = static_cast<const arrow::FixedSizeListArray&>(*array);
    const std::int64_t length = list.list_type()->list_size();
    tensor.shape.push_back(length);
    tensor.cell_elements *= length;
    array = list.values()->Slice(list.offset() * length, list.length() * length);
    if (tensor.shape.size() > 1 && list.null_count() > 0) return std::nullopt;
  }
  const auto dtype = dtype_of(array->type_id());
  if (tensor.shape.empty() || !dtype) return std::nullopt;
  tensor.dtype = *dtype;
  tensor.elements = std::move(array);
  return tensor;
}

Column array_column(const arrow::Array& cells, const Tensor& tensor) {
  const bool bits = tensor.dtype == DType::kBool;
  const auto cell_bytes = tensor.cell_elements * static_cast<std::int64_t>(dtype_size(tensor.dtype));
  const arrow::ArrayData& elements = *tensor.elements->data();
  const std::uint8_t* bytes = elements.buffers[1] == nullptr ? nullptr : elements.buffers[1]->data();
  std::string unpacked(bits ? static_cast<std::size_t>(tensor.cell_elements) : 0, '\0');
  ColumnBuilder out(Type::array(tensor.dtype, tensor.shape, cells.null_count() > 0));
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    if (cells.IsNull(row)) {
      out.append_null();
      continue;
    }
    if (!bits) {
      out.append_array(
          tensor.dtype, tensor.shape,
          bytes + elements.offset * static_cast<std::int64_t>(dtype_size(tensor.dtype)) + row * cell_bytes);
      continue;
    }
    const auto& booleans = static_cast<const arrow::BooleanArray&>(*tensor.elements);
    for (std::int64_t i = 0; i < tensor.cell_elements; ++i)
      unpacked[static_cast<std::size_t>(i)] = static_cast<char>(booleans.Value(row * tensor.cell_elements + i));
    out.append_array(tensor.dtype, tensor.shape, unpacked.data());
  }
  return out.finish();
}

Column json_column(const arrow::Array& cells) {
  ColumnBuilder out(Type(TypeKind::kJson, cells.null_count() > 0));
  std::string text;
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    text.clear();
    append_arrow_json(cells, row, text);
    if (cells.IsNull(row))
      out.append_null();
    else
      out.append_text(text);
  }
  return out.finish();
}

Column nulls(std::int64_t length) {
  ColumnBuilder out(Type(TypeKind::kJson, true));
  for (std::int64_t row = 0; row < length; ++row) out.append_null();
  return out.finish();
}

bool is_uuid(const arrow::Field& field, const arrow::Array& array) {
  if (array.type_id() == Id::EXTENSION)
    return static_cast<const arrow::ExtensionType&>(*array.type()).extension_name() == "arrow.uuid";
  const auto name = field.metadata() == nullptr ? arrow::Result<std::string>(arrow::Status::KeyError(""))
                                                : field.metadata()->Get("ARROW:extension:name");
  return name.ok() && *name == "arrow.uuid";
}

/// 14:30:00 has no type of ours: it stays text.
bool is_time_of_day(Id::type id) {
  return id == Id::TIME32 || id == Id::TIME64;
}

std::optional<TypeKind> plain_kind(const arrow::DataType& arrow_type) {
  const Id::type id = arrow_type.id();
  if (arrow::is_integer(id)) return TypeKind::kInt;
  if (arrow::is_floating(id) || arrow::is_decimal(id)) return TypeKind::kFloat;
  if (id == Id::BOOL) return TypeKind::kBool;
  if (id == Id::TIMESTAMP) return TypeKind::kTimestamp;
  if (id == Id::DATE32 || id == Id::DATE64) return TypeKind::kDate;
  if (arrow::is_string(id) || id == Id::STRING_VIEW || is_time_of_day(id)) return TypeKind::kString;
  if (arrow::is_binary_like(id) || arrow::is_large_binary_like(id) || id == Id::BINARY_VIEW ||
      id == Id::FIXED_SIZE_BINARY)
    return TypeKind::kBinary;
  return std::nullopt;
}

/// Without dictionaries, run ends and extension types.
std::shared_ptr<arrow::Array> decoded(std::shared_ptr<arrow::Array> array) {
  for (;;) {
    if (array->type_id() == Id::EXTENSION) {
      array = static_cast<const arrow::ExtensionArray&>(*array).storage();
    } else if (array->type_id() == Id::DICTIONARY) {
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*array);
      array = value_or_throw(arrow::compute::Take(*dictionary.dictionary(), *dictionary.indices()));
    } else {
      return array;
    }
  }
}

}  // namespace

Column imported_column(const arrow::Field& field, std::shared_ptr<arrow::Array> array) try {
  const bool uuid = is_uuid(field, *array);
  array = decoded(std::move(array));
  if (uuid) return wrapped(TypeKind::kUuid, array);
  if (array->type_id() == Id::NA) return nulls(array->length());
  if (const auto kind = plain_kind(*array->type())) return wrapped(*kind, cast(array, *kind));
  if (const auto tensor = tensor_of(array)) return array_column(*array, *tensor);
  if (arrow::is_nested(array->type_id())) return json_column(*array);
  throw Error(ErrorCode::kInvalidType, "Arrow type " + array->type()->ToString() + " has no counterpart");
} catch (const Error& failure) {
  throw Error(failure.code(), "column '" + field.name() + "': " + failure.what());
}

}  // namespace intarsia
