// SPDX-License-Identifier: Apache-2.0
#include "type/arrow_json.h"

#include <arrow/api.h>

#include "intarsia/error.h"
#include "type/arrow_error.h"
#include "type/json_text.h"

namespace intarsia {
namespace {

using Id = arrow::Type;

void append_items(const arrow::Array& values, std::int64_t begin, std::int64_t end, std::string& out) {
  out += '[';
  for (std::int64_t i = begin; i < end; ++i) {
    if (i > begin) out += ", ";
    append_arrow_json(values, i, out);
  }
  out += ']';
}

void append_struct(const arrow::StructArray& cells, std::int64_t row, std::string& out) {
  out += '{';
  for (int i = 0; i < cells.num_fields(); ++i) {
    if (i > 0) out += ", ";
    out += json_string(cells.struct_type()->field(i)->name()) + ": ";
    append_arrow_json(*cells.field(i), row, out);
  }
  out += '}';
}

void append_map(const arrow::MapArray& cells, std::int64_t row, std::string& out) {
  out += '{';
  for (std::int64_t i = cells.value_offset(row); i < cells.value_offset(row + 1); ++i) {
    if (i > cells.value_offset(row)) out += ", ";
    std::string key;
    append_arrow_json(*cells.keys(), i, key);
    out += (key.starts_with('"') ? key : json_string(key)) + ": ";
    append_arrow_json(*cells.items(), i, out);
  }
  out += '}';
}

template <typename List>
void append_list(const arrow::Array& cells, std::int64_t row, std::string& out) {
  const auto& list = static_cast<const List&>(cells);
  append_items(*list.values(), list.value_offset(row), list.value_offset(row) + list.value_length(row), out);
}

void append_scalar(const arrow::Array& cells, std::int64_t row, std::string& out) {
  const Id::type id = cells.type_id();
  if (id == Id::EXTENSION)
    return append_arrow_json(*static_cast<const arrow::ExtensionArray&>(cells).storage(), row, out);
  if (arrow::is_base_binary_like(id) && !arrow::is_string(id))
    throw Error(ErrorCode::kInvalidType, "bytes inside a nested value have no JSON form");
  const auto scalar = value_or_throw(cells.GetScalar(row));
  if (id == Id::BOOL)
    out += static_cast<const arrow::BooleanScalar&>(*scalar).value ? "true" : "false";
  else if (id == Id::DOUBLE)
    out += json_number(static_cast<const arrow::DoubleScalar&>(*scalar).value);
  else if (id == Id::FLOAT)
    out += json_number(static_cast<const arrow::FloatScalar&>(*scalar).value);
  else if (arrow::is_integer(id))
    out += scalar->ToString();
  else
    out += json_string(scalar->ToString());
}

}  // namespace

void append_arrow_json(const arrow::Array& cells, std::int64_t row, std::string& out) {
  if (cells.IsNull(row)) {
    out += "null";
    return;
  }
  switch (cells.type_id()) {
    case Id::STRUCT:
      return append_struct(static_cast<const arrow::StructArray&>(cells), row, out);
    case Id::MAP:
      return append_map(static_cast<const arrow::MapArray&>(cells), row, out);
    case Id::LIST:
      return append_list<arrow::ListArray>(cells, row, out);
    case Id::LARGE_LIST:
      return append_list<arrow::LargeListArray>(cells, row, out);
    case Id::FIXED_SIZE_LIST:
      return append_list<arrow::FixedSizeListArray>(cells, row, out);
    case Id::LIST_VIEW:
      return append_list<arrow::ListViewArray>(cells, row, out);
    case Id::STRING:
      out += json_string(static_cast<const arrow::StringArray&>(cells).GetView(row));
      return;
    case Id::NA:
      out += "null";
      return;
    case Id::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(cells);
      return append_arrow_json(*dictionary.dictionary(), dictionary.GetValueIndex(row), out);
    }
    default:
      return append_scalar(cells, row, out);
  }
}

}  // namespace intarsia
