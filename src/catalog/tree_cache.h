// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "catalog/tree.h"
#include "storage/pool.h"

namespace intarsia {

/// The trees that this process has seen, each at the newest schema_version it knows. Whoever works with one checks in
/// its statement that this is still the newest, and reloads when StaleSchema says no. Thread-safe.
class TreeCache {
 public:
  explicit TreeCache(Pool& pool) : pool_(pool) {}

  /// The tree of a table, from memory when it is there. Throws Error(kTableNotFound).
  std::shared_ptr<const Tree> of_table(std::int64_t table_id);
  /// The same, read again.
  std::shared_ptr<const Tree> reload(std::int64_t table_id);
  /// The newest tree at no more than one round trip: read again only if the one in memory is stale.
  std::shared_ptr<const Tree> newest(std::int64_t table_id);

 private:
  std::shared_ptr<const Tree> load(std::int64_t table_id);

  Pool& pool_;
  ForkMutex<> mutex_;
  std::map<std::int64_t, std::int64_t> tree_of_table_;
  std::map<std::int64_t, std::shared_ptr<const Tree>> trees_;
};

}  // namespace intarsia
