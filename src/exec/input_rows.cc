// SPDX-License-Identifier: Apache-2.0
#include "exec/input_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "exec/evaluate.h"
#include "media/codecs.h"
#include "media/load.h"
#include "media/video.h"
#include "type/array_bytes.h"
#include "type/column_data.h"

namespace intarsia {

namespace {

/// Kinds that an inserted value of another kind may stand for.
bool converts(TypeKind from, TypeKind to) {
  if (from == to) return true;
  if (from == TypeKind::kString)
    return to == TypeKind::kTimestamp || to == TypeKind::kDate || to == TypeKind::kUuid || to == TypeKind::kJson ||
           to >= TypeKind::kImage;
  if (from == TypeKind::kBinary) return to >= TypeKind::kImage;
  if (to == TypeKind::kJson) return from == TypeKind::kInt || from == TypeKind::kFloat || from == TypeKind::kBool;
  return (from == TypeKind::kInt && to == TypeKind::kFloat) || (from == TypeKind::kDate && to == TypeKind::kTimestamp);
}

bool is_all_null(const Column& cells) {
  for (std::int64_t row = 0; row < cells.length(); ++row)
    if (!cells.is_null(row)) return false;
  return true;
}

/// Text as URLs, bytes as media that are in no file yet.
Column as_media(const Column& cells, const Type& type) {
  ColumnBuilder out(type);
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    if (cells.is_null(row))
      out.append_null();
    else if (cells.type().kind() == TypeKind::kBinary)
      out.append_media_bytes(std::string(cells.text_at(row)));
    else
      out.append_text(cells.text_at(row));
  }
  return out.finish();
}

Column cast(const Column& cells, const Type& type, Threads& threads) {
  const RowSet rows{cells.length(), {{1, cells}}};
  return Evaluator(threads, rows).evaluate(Expr::column(0, 1, "value", cells.type().as_nullable()).astype(type));
}

void check_picture(const Type& type, const Image& image) {
  const bool fits = (type.width() == 0 || type.width() == image.width()) &&
                    (type.height() == 0 || type.height() == image.height()) &&
                    (!type.mode() || *type.mode() == image.mode());
  if (!fits)
    throw Error(ErrorCode::kInvalidDataFormat,
                fmt::format("needs {}, got a picture of {} x {} in mode '{}'", type.as_nullable(false).text(),
                            image.width(), image.height(), mode_name(image.mode())));
}

/// Opens the medium for what its column says it is. Throws Error.
void open_medium(const Column& cells, std::int64_t row) {
  const Type& type = cells.type();
  switch (type.kind()) {
    case TypeKind::kImage:
      if (type.width() != 0 || type.height() != 0 || type.mode()) return check_picture(type, cells.image_at(row));
      if (!cells.holds_media(row)) return static_cast<void>(probe_image_file(cells.media_path_at(row)));
      if (media_cell_at(cells, row)->image.empty()) validate_image(cells.media_bytes_at(row));
      return;
    case TypeKind::kVideo:
      return validate_video(cells.media_path_at(row));
    case TypeKind::kAudio:
      return validate_audio(cells.media_path_at(row));
    default:
      if (cells.media_bytes_at(row).empty()) throw Error(ErrorCode::kInvalidDataFormat, "the file is empty");
  }
}

std::string lower_case(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string source_of(const Column& cells, std::int64_t row) {
  return cells.holds_media(row) ? "the bytes given" : std::string(cells.text_at(row));
}

}  // namespace

bool may_hold(const Type& to, const Type& from) {
  return converts(from.kind(), to.kind());
}

Column with_media_cells(const Column& cells) {
  auto data = std::make_shared<ColumnData>();
  data->type = cells.type();
  data->array = arrow_array(cells);
  data->length = cells.length();
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    std::shared_ptr<MediaCell> cell;
    if (cells.holds_media(row))
      cell = media_cell_at(cells, row);
    else if (!cells.is_null(row))
      cell = std::make_shared<MediaCell>();
    data->media.push_back(std::move(cell));
    if (const CellError* error = cells.error_at(row)) data->errors.emplace_back(row, *error);
  }
  return Column(std::move(data));
}

void InputRows::fail(ErrorCode code, const ColumnDef& column, const std::string& what, std::int64_t row) const {
  throw Error(code, fmt::format("{}: column '{}': {} (row {})", operation_, column.name, what, row));
}

void InputRows::check_names(const Batch& batch) const {
  std::vector<std::string_view> known;
  for (const ColumnDef& column : table_.columns)
    if (column.value.empty() && !column.filling) known.push_back(column.name);
  for (const std::string& name : batch.names()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const bool computed = std::any_of(table_.columns.begin(), table_.columns.end(),
                                      [&](const ColumnDef& column) { return column.name == name && !column.filling; });
    if (computed)
      throw Error(ErrorCode::kUnsupportedOperation,
                  fmt::format("{}: column '{}' is computed and takes no values", operation_, name));
    throw Error(ErrorCode::kColumnNotFound, fmt::format("{}: unknown column name '{}'; the table has: {}", operation_,
                                                        name, fmt::join(known, ", ")));
  }
}

RowSet InputRows::bind(const Batch& batch, std::int64_t first_row) const {
  check_names(batch);
  RowSet rows{batch.num_rows(), {}};
  for (const ColumnDef& column : table_.columns)
    if (column.value.empty()) rows.columns.emplace(column.id, bind_column(column, batch, first_row));
  return rows;
}

Column InputRows::bind_column(const ColumnDef& column, const Batch& batch, std::int64_t first_row) const {
  const int index = batch.index_of(column.name);
  if (index < 0) {
    if (!column.type.nullable())
      throw Error(ErrorCode::kMissingRequired,
                  fmt::format("{}: missing required column(s) ({}): it needs a value in every row; declare it as {} "
                              "to allow nulls",
                              operation_, column.name, column.type.as_nullable().text()));
    return Column::constant(column.type, Value(), batch.num_rows());
  }
  return bind_cells(column, batch.column(index), first_row);
}

Column InputRows::bind_cells(const ColumnDef& column, const Column& given, std::int64_t first_row) const {
  const Column cells = converted(column, given, first_row);
  check_nulls(column, cells, first_row);
  if (column.type.kind() == TypeKind::kArray) check_arrays(column, cells, first_row);
  return column.type.is_media() ? opened_media(column, cells, first_row) : cells;
}

Column InputRows::converted(const ColumnDef& column, const Column& cells, std::int64_t first_row) const {
  const TypeKind from = cells.type().kind();
  const TypeKind to = column.type.kind();
  if (from == to) return cells.with_type(column.type);
  if (is_all_null(cells)) return Column::constant(column.type.as_nullable(), Value(), cells.length());
  if (!converts(from, to)) {
    std::int64_t row = 0;
    while (cells.is_null(row)) ++row;
    fail(ErrorCode::kUnsupportedOperation, column,
         fmt::format("expected {}, got {} {}", column.type.text(), kind_name(from), cells.value_at(row).text()),
         first_row + row);
  }
  if (column.type.is_media()) return as_media(cells, column.type);
  const Column result = cast(cells, column.type, threads_);
  for (std::int64_t row = 0; row < result.length(); ++row)
    if (const CellError* error = result.error_at(row))
      fail(ErrorCode::kUnsupportedOperation, column,
           fmt::format("expected {}, got {} {}: {}", column.type.text(), kind_name(from), cells.value_at(row).text(),
                       error->message),
           first_row + row);
  return result;
}

void InputRows::check_nulls(const ColumnDef& column, const Column& cells, std::int64_t first_row) const {
  if (column.type.nullable()) return;
  for (std::int64_t row = 0; row < cells.length(); ++row)
    if (cells.is_null(row))
      fail(ErrorCode::kUnsupportedOperation, column,
           fmt::format("expected {}, got None; declare it as {} to allow nulls", column.type.text(),
                       column.type.as_nullable().text()),
           first_row + row);
}

void InputRows::check_arrays(const ColumnDef& column, const Column& cells, std::int64_t first_row) const {
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    if (cells.is_null(row)) continue;
    const ArrayView view = array_from_bytes(cells.text_at(row));
    const Type got = Type::array(view.dtype, view.shape, column.type.nullable());
    if (!column.type.accepts(got))
      fail(ErrorCode::kUnsupportedOperation, column,
           fmt::format("expected {}, got {}", column.type.text(), got.as_nullable(false).text()), first_row + row);
  }
}

Column InputRows::opened_media(const ColumnDef& column, const Column& cells, std::int64_t first_row) const {
  const Column media = with_media_cells(cells);
  if (column.media_validation.value_or(table_.media_validation) == MediaValidation::kOnRead) return media;
  struct Failure {
    ErrorCode code;
    std::string message;
  };
  std::vector<std::unique_ptr<Failure>> failures(static_cast<std::size_t>(media.length()));
  threads_.for_each(static_cast<int>(media.length()), [&](int row) {
    if (media.is_null(row)) return;
    try {
      open_medium(media, row);
    } catch (const Error& error) {
      const bool missing = error.code() == ErrorCode::kPathNotFound;
      failures[static_cast<std::size_t>(row)] = std::make_unique<Failure>(
          Failure{missing ? ErrorCode::kUnsupportedOperation : ErrorCode::kInvalidDataFormat,
                  missing ? error.what()
                          : fmt::format("not a valid {}: {}: {}", lower_case(kind_name(column.type.kind())),
                                        source_of(media, row), error.what())});
    }
  });
  std::vector<std::int64_t> broken;
  for (std::int64_t row = 0; row < media.length(); ++row)
    if (failures[static_cast<std::size_t>(row)] != nullptr) broken.push_back(row);
  if (broken.empty()) return media;
  if (const Failure& first = *failures[static_cast<std::size_t>(broken[0])]; on_error_ == OnError::kAbort)
    fail(first.code, column, first.message, first_row + broken[0]);
  ColumnBuilder out(column.type.as_nullable());
  for (std::int64_t row = 0; row < media.length(); ++row) {
    if (const auto& failure = failures[static_cast<std::size_t>(row)])
      out.append_error({"RequestError", failure->message, {}});
    else
      out.append_cell(media, row);
  }
  return out.finish();
}

}  // namespace intarsia
