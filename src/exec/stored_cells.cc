// SPDX-License-Identifier: Apache-2.0
#include "exec/stored_cells.h"

namespace intarsia {

namespace {

bool has_files_to_write(const Column& cells) {
  for (std::int64_t row = 0; row < cells.length(); ++row)
    if (!cells.is_null(row) && cells.holds_media(row)) return true;
  return false;
}

}  // namespace

Column stored_cells(Engine& engine, const ColumnDef& column, const Column& cells, const Column& row_ids,
                    const Operation& operation) {
  if (!column.type.is_media()) return cells;
  if (has_files_to_write(cells)) announce(operation);
  std::vector<std::string> urls(static_cast<std::size_t>(cells.length()));
  engine.threads().for_each(static_cast<int>(cells.length()), [&](int row) {
    if (cells.is_null(row)) return;
    urls[static_cast<std::size_t>(row)] =
        cells.holds_media(row)
            ? engine.media_store().write(cells, row, column.table_id, operation.id, row_ids.int_at(row), column.id)
            : std::string(cells.text_at(row));
  });
  ColumnBuilder out(column.type.as_nullable());
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    if (const CellError* error = cells.error_at(row))
      out.append_error(*error);
    else if (cells.is_null(row))
      out.append_null();
    else
      out.append_text(urls[static_cast<std::size_t>(row)]);
  }
  return out.finish();
}

std::int64_t count_errors(const Column& column) {
  std::int64_t errors = 0;
  if (column.has_errors())
    for (std::int64_t row = 0; row < column.length(); ++row) errors += column.error_at(row) != nullptr ? 1 : 0;
  return errors;
}

std::int64_t first_error(const Column& column) {
  std::int64_t row = 0;
  while (column.error_at(row) == nullptr) ++row;
  return row;
}

}  // namespace intarsia
