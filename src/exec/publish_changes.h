// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "exec/changes.h"
#include "storage/publish.h"

namespace intarsia {

/// Other operations were faster: the roots that they changed since these changes were computed.
struct Conflict {
  std::set<std::int64_t> roots;
  std::int64_t seen = 0;  ///< the place of the last operation that was looked at
};

/// Makes changes visible: moves ended entries to the history, writes new ones, appends the operation and a version of
/// each table that changed. `seen` is the place of the last operation published before the changes began to be
/// computed. Nothing is published when there is a conflict. Throws StaleSchema when `tree` is not the newest. `counts`
/// gets what was done.
std::optional<Conflict> publish_changes(Engine& engine, const Tree& tree, const Operation& operation,
                                        const Changes& changes, std::int64_t seen, ChangeCounts& counts);

}  // namespace intarsia
