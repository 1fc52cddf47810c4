// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/tree.h"
#include "exec/engine.h"
#include "storage/publish.h"

namespace intarsia {

/// Cells as they are kept: of a media column URLs, after what is in no file yet has been written to the media store
/// under the operation's id, which is announced first; of any other column the cells themselves.
[[nodiscard]] Column stored_cells(Engine& engine, const ColumnDef& column, const Column& cells, const Column& row_ids,
                                  const Operation& operation);

/// Cells with an error.
[[nodiscard]] std::int64_t count_errors(const Column& column);
/// The first of them. Requires: count_errors(column) > 0.
[[nodiscard]] std::int64_t first_error(const Column& column);

}  // namespace intarsia
