// SPDX-License-Identifier: Apache-2.0
// Dropping is two steps: a publish ends the table in the catalog, at once and for everybody; its SQL tables and files
// go afterwards, as soon as no reader is in the way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "intarsia/table.h"
#include "storage/media_store.h"
#include "storage/publish.h"

namespace intarsia {

/// A table that a drop ends.
struct DroppedTable {
  std::int64_t id = 0;
  std::int64_t tree_id = 0;
  std::string path;
  std::string kind;
};

/// These tables and all views on them; a table comes before the views on it.
[[nodiscard]] std::vector<DroppedTable> with_views(Connection& connection, const std::vector<std::int64_t>& table_ids);
/// "'p/v3', 'p/v4'": those that are not among `table_ids`.
[[nodiscard]] std::string dependents_text(const std::vector<DroppedTable>& tables,
                                          const std::vector<std::int64_t>& table_ids);
/// In a publish that holds the catalog's lock: takes the locks of the trees and ends the tables.
void end_dropped(Connection& connection, const std::vector<DroppedTable>& tables, const Operation& operation);

/// Throws Error: kDirectoryNotFound, kPathNotFound, kInvalidArgument, kConstraintViolation.
void drop_table(Pool& pool, const std::string& path, bool force, IfNotExists if_not_exists);
/// The same for a table that is known by id. Throws Error(kTableNotFound) when it was dropped.
void drop_table(Pool& pool, std::int64_t table_id, bool force);

/// SQL tables and lock views that belong to no table (no tree) of the catalog.
[[nodiscard]] std::vector<std::string> leftovers(Connection& connection);

/// Removes SQL tables and files of dropped tables, of this drop or an earlier one; what somebody still reads is left to
/// a later call.
void remove_leftovers(Connection& connection, const MediaStore& media_store);

}  // namespace intarsia
