// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "intarsia/database.h"
#include "storage/pool.h"

namespace intarsia {

/// Database::create_directory, drop_directory, list.
void create_directory(Pool& pool, const std::string& path, IfExists if_exists, bool parents);
void drop_directory(Pool& pool, const std::string& path, bool force, IfNotExists if_not_exists);
[[nodiscard]] std::vector<DirectoryEntry> list_directory(Connection& connection, const std::string& path,
                                                         bool recursive);

}  // namespace intarsia
