// SPDX-License-Identifier: Apache-2.0
// Media files that an operation wrote and that belong to nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/engine.h"
#include "storage/publish.h"

namespace intarsia {

/// Removes what an operation that failed wrote for the tables of a tree, unless it was published all the same: what
/// comes after its COMMIT can fail, too. When the server cannot tell, whoever discards the operation does it.
void remove_files_of_failed(Engine& engine, const Tree& tree, const Operation& operation) noexcept;
/// Removes the media files that operations wrote for a table and that none of its cells names, of now or of history:
/// those of a page that a fill did not commit, and those of rows that somebody else changed meanwhile. For operations
/// that write no more rows. What cannot be looked at now stays: no reason to fail an operation whose work is done.
void remove_unnamed_files(Engine& engine, const TableDef& table,
                          const std::vector<std::int64_t>& operation_ids) noexcept;

}  // namespace intarsia
