// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "exec/engine.h"
#include "intarsia/table.h"

namespace intarsia {

/// Table::insert: reads all of `next`, computes what follows from the rows, and publishes everything at once.
UpdateStatus insert_rows(Engine& engine, std::int64_t table_id, const std::function<std::optional<Batch>()>& next,
                         const InsertOptions& options);

}  // namespace intarsia
