// SPDX-License-Identifier: Apache-2.0
// The form of a cell's note, jsonb beside the cell: null for an ordinary cell, else
//   {"error": {"type": "ValueError", "message": "...", "traceback": "..."}}
#pragma once

#include <string>
#include <string_view>

#include "intarsia/batch.h"

namespace intarsia {

[[nodiscard]] std::string note_of_error(const CellError& error);
/// The error in a note's JSON text.
[[nodiscard]] CellError error_of_note(std::string_view note);
/// The notes of a column's cells: null where there is no error.
[[nodiscard]] Column notes_of(const Column& column);
/// `column` with the errors that `notes` tell of.
[[nodiscard]] Column with_notes(const Column& column, const Column& notes);

}  // namespace intarsia
