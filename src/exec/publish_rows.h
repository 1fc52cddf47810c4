// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "exec/engine.h"
#include "exec/spool.h"
#include "storage/publish.h"

namespace intarsia {

/// Makes the rows in the spool visible, with the operation that made them and a version for each table. A few rows are
/// one pipeline; many are copied first and the tree's lock is taken last, so that it is held for milliseconds. Throws
/// StaleSchema, with nothing published, when `tree` is not the newest.
void publish_rows(Engine& engine, const Tree& tree, const Operation& operation, const Spool& spool,
                  const std::vector<NewVersion>& versions);

/// Copies the spool's rows of all tables into their SQL tables, in the transaction that is open or one of its own.
void copy_rows(Connection& connection, const Tree& tree, std::int64_t version, const Spool& spool);

}  // namespace intarsia
