// SPDX-License-Identifier: Apache-2.0
#include "storage/note.h"

#include <nlohmann/json.hpp>

#include "type/column_data.h"

namespace intarsia {

std::string note_of_error(const CellError& error) {
  nlohmann::json fields = {{"type", error.type}, {"message", error.message}};
  if (!error.traceback.empty()) fields["traceback"] = error.traceback;
  return nlohmann::json{{"error", std::move(fields)}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

CellError error_of_note(std::string_view note) {
  const nlohmann::json fields = nlohmann::json::parse(note).at("error");
  return {fields.value("type", ""), fields.value("message", ""), fields.value("traceback", "")};
}

Column notes_of(const Column& column) {
  const Type type(TypeKind::kJson, true);
  if (!column.has_errors()) return Column::constant(type, Value(), column.length());
  ColumnBuilder notes(type);
  for (std::int64_t row = 0; row < column.length(); ++row) {
    const CellError* error = column.error_at(row);
    if (error == nullptr)
      notes.append_null();
    else
      notes.append_text(note_of_error(*error));
  }
  return notes.finish();
}

Column with_notes(const Column& column, const Column& notes) {
  std::vector<std::pair<std::int64_t, CellError>> errors;
  for (std::int64_t row = 0; row < notes.length(); ++row)
    if (!notes.is_null(row)) errors.emplace_back(ColumnData::position(column, row), error_of_note(notes.text_at(row)));
  if (errors.empty()) return column;
  auto data = std::make_shared<ColumnData>(*column.data());
  data->errors = std::move(errors);
  return Column(std::move(data));
}

}  // namespace intarsia
