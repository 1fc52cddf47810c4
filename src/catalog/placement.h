// SPDX-License-Identifier: Apache-2.0
// What a new directory, table or view does to what lies at its path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/drop_table.h"
#include "catalog/paths.h"
#include "intarsia/table.h"

namespace intarsia {

/// The id of what lies there if that is what `if_exists` asks for; nullopt: nothing is there, or it gives way.
/// `kind` is that of the new one: "dir", "table", "view". Throws Error(kDirectoryNotFound | kPathAlreadyExists).
[[nodiscard]] std::optional<std::int64_t> existing_to_keep(const std::string& described, const PathEntry& entry,
                                                           const std::string& kind, IfExists if_exists);

/// The table that gives way, and the views on it; empty when nothing lies there. Throws Error(kConstraintViolation)
/// unless `if_exists` lets them go too.
[[nodiscard]] std::vector<DroppedTable> tables_to_replace(Connection& connection, const std::string& described,
                                                          const PathEntry& entry, IfExists if_exists);

}  // namespace intarsia
