// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exec/engine.h"
#include "intarsia/table.h"

namespace intarsia {

/// Table::add_computed_column. A table with few rows gets the column in place, in one publish; one with many gets a
/// column family that is filled while others read and write.
UpdateStatus add_computed_column(Engine& engine, std::int64_t table_id, const ColumnSpec& spec, OnError on_error,
                                 IfExists if_exists);

}  // namespace intarsia
