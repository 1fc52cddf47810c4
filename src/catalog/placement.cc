// SPDX-License-Identifier: Apache-2.0
#include "catalog/placement.h"

#include <fmt/format.h>

namespace intarsia {

std::optional<std::int64_t> existing_to_keep(const std::string& described, const PathEntry& entry,
                                             const std::string& kind, IfExists if_exists) {
  require_parent(described, entry);
  if (!entry.exists()) return std::nullopt;
  if (if_exists == IfExists::kError)
    throw Error(ErrorCode::kPathAlreadyExists, fmt::format("{}: path '{}' is {}; if_exists says what to do with it",
                                                           described, entry.path, entry.what()));
  const bool ignored = if_exists == IfExists::kIgnore;
  if (entry.is_directory() != (kind == "dir") || (ignored && entry.kind != kind))
    throw Error(ErrorCode::kPathAlreadyExists, fmt::format("{}: path '{}' is {}, and not a {}; choose another path",
                                                           described, entry.path, entry.what(), kind));
  return ignored ? std::optional(entry.id) : std::nullopt;
}

std::vector<DroppedTable> tables_to_replace(Connection& connection, const std::string& described,
                                            const PathEntry& entry, IfExists if_exists) {
  if (!entry.exists()) return {};
  std::vector<DroppedTable> tables = with_views(connection, {entry.id});
  if (tables.size() > 1 && if_exists != IfExists::kReplaceForce)
    throw Error(ErrorCode::kConstraintViolation,
                fmt::format("{}: the {} that is there cannot be replaced, the following depend on it: {}; "
                            "if_exists='replace_force' replaces it and drops them",
                            described, entry.kind, dependents_text(tables, {entry.id})));
  return tables;
}

}  // namespace intarsia
