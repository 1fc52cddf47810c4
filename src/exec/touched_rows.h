// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "catalog/tree.h"
#include "storage/connection.h"

namespace intarsia {

/// Which of these rows of a table the operations that were published after place `since` have changed or ended, in the
/// table or in its bases. Under the tree's lock the answer stays true.
[[nodiscard]] std::set<std::int64_t> touched_rows(Connection& connection, const Tree& tree, std::int64_t table_id,
                                                  std::span<const std::int64_t> ids, std::int64_t since);

}  // namespace intarsia
