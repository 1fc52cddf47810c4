// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catalog/tree.h"
#include "intarsia/database.h"
#include "storage/connection.h"
#include "storage/pool.h"

namespace intarsia {

/// A view as a user defines it.
struct ViewDefinition {
  std::string path;
  std::int64_t base_id = 0;
  Expr iterator;   ///< empty: none
  Expr predicate;  ///< empty: none
  std::vector<ColumnSpec> columns;
  TableOptions options;
};

/// Says, as long as it lives, that the process that creates a view is alive: who meets a view that nobody has is the
/// heir of one that died. Held by a session, which must outlive it.
class ViewClaim {
 public:
  /// nullptr: another session has it.
  static std::unique_ptr<ViewClaim> take(Connection& connection, std::int64_t view_id);
  ~ViewClaim();
  ViewClaim(const ViewClaim&) = delete;
  ViewClaim& operator=(const ViewClaim&) = delete;

 private:
  ViewClaim(Connection& connection, std::int64_t key) : connection_(connection), key_(key) {}
  Connection& connection_;
  std::int64_t key_;
};

struct RegisteredView {
  std::int64_t id = 0;
  std::unique_ptr<ViewClaim> claim;  ///< the view is filling, and it is ours to fill; null: it is there already
};

/// Registers a view as filling, takes up one that another process left unfinished, or keeps the one that is there.
/// `connection` holds the claim; the pool's sessions publish. Throws StaleSchema when the base's tree is newer than
/// `tree`.
[[nodiscard]] RegisteredView register_view(Pool& pool, Connection& connection, const Tree& tree,
                                           const ViewDefinition& definition,
                                           const std::function<void()>& check_interrupt);

}  // namespace intarsia
