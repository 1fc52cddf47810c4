// SPDX-License-Identifier: Apache-2.0
#include "intarsia/batch.h"

#include <arrow/api.h>
#include <arrow/c/bridge.h>

#include <algorithm>

#include "intarsia/error.h"
#include "type/arrow_error.h"
#include "type/arrow_export.h"
#include "type/arrow_import.h"

namespace intarsia {

Batch::Batch(std::vector<std::string> names, std::vector<Column> columns)
    : names_(std::move(names)), columns_(std::move(columns)) {
  if (names_.size() != columns_.size()) throw Error(ErrorCode::kInternal, "a batch needs one name per column");
  if (columns_.empty()) return;
  num_rows_ = columns_[0].length();
  for (const Column& column : columns_)
    if (column.length() != num_rows_) throw Error(ErrorCode::kInternal, "a batch needs columns of one length");
}

int Batch::index_of(std::string_view name) const noexcept {
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? -1 : static_cast<int>(found - names_.begin());
}

Batch Batch::slice(std::int64_t begin, std::int64_t length) const {
  std::vector<Column> columns;
  for (const Column& column : columns_) columns.push_back(column.slice(begin, length));
  return Batch(names_, std::move(columns));
}

Batch Batch::take(std::span<const std::int64_t> rows) const {
  std::vector<Column> columns;
  for (const Column& column : columns_) columns.push_back(column.take(rows));
  return Batch(names_, std::move(columns));
}

std::int64_t Batch::byte_size() const {
  std::int64_t bytes = 0;
  for (const Column& column : columns_) bytes += column.byte_size();
  return bytes;
}

void Batch::export_to(ArrowArray* array, ArrowSchema* schema) const {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    fields.push_back(exported_field(columns_[i].type(), names_[i]));
    arrays.push_back(exported_array(columns_[i]));
  }
  const auto batch = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), num_rows_, std::move(arrays));
  check_arrow(arrow::ExportRecordBatch(*batch, array, schema));
}

Batch Batch::import_from(ArrowArray* array, ArrowSchema* schema) {
  const auto batch = value_or_throw(arrow::ImportRecordBatch(array, schema));
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (int i = 0; i < batch->num_columns(); ++i) {
    names.push_back(batch->column_name(i));
    columns.push_back(imported_column(*batch->schema()->field(i), batch->column(i)));
  }
  return Batch(std::move(names), std::move(columns));
}

}  // namespace intarsia
