// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "intarsia/table.h"
#include "storage/connection.h"

namespace intarsia {

/// Versions of a table, newest first; at most `newest` of them.
[[nodiscard]] std::vector<VersionInfo> read_history(Connection& connection, std::int64_t table_id,
                                                    std::optional<std::int64_t> newest);
/// The number of its newest version.
[[nodiscard]] std::int64_t read_version(Connection& connection, std::int64_t table_id);

}  // namespace intarsia
