// SPDX-License-Identifier: Apache-2.0
// What operations are on their way, for everybody to see. An operation announces itself once it takes time, writes
// media files or fills something: a row of the SQL table `activity`, and an advisory lock of its session that tells
// that it is alive. Its publish deletes the row; a row without the lock is of an operation that died.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "intarsia/database.h"
#include "storage/pool.h"

namespace intarsia {

struct Operation;

/// The announcement of one operation. Thread-safe.
class Activity {
 public:
  /// `object_id`: the column or the view that it fills, or 0.
  Activity(Pool& pool, std::string description, std::int64_t object_id = 0, std::string on_error = "abort");
  /// Takes back what was announced and not published.
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  /// Once, unless the session was lost since. Throws Error(kConcurrentModification) when the operation was taken for
  /// dead meanwhile.
  void announce(const Operation& operation);
  [[nodiscard]] bool announced() const;
  /// Rows done, for whoever looks; `total` -1: not known. At most once a second.
  void report(std::int64_t rows, std::int64_t total);

 private:
  Pool& pool_;
  std::string description_;
  std::int64_t object_id_;
  std::string on_error_;
  mutable std::mutex mutex_;
  Pool::Lease session_;  // holds the lock; null: not announced
  std::int64_t operation_id_ = 0;
};

/// For the publish of an announced operation: fails when somebody has discarded it meanwhile.
[[nodiscard]] std::vector<Statement> end_activity(std::int64_t operation_id);
/// Operations that are announced, the oldest first; and columns and views that are being filled by nobody.
[[nodiscard]] std::vector<OperationInfo> list_activities(Connection& connection);
/// The operations that are announced as fills of a column or a view: those that died, and the one that is at it.
[[nodiscard]] std::vector<std::int64_t> announced_fills(Connection& connection, std::int64_t object_id);
/// Ends an operation that died: it cannot publish any more, then `clean_up` removes what it left, then its row goes.
/// False when it is alive or gone.
[[nodiscard]] bool discard_activity(Connection& connection, std::int64_t operation_id,
                                    const std::function<void()>& clean_up);
/// What the last announced fill of a column or a view was told to do with errors; "ignore" when nothing is known.
[[nodiscard]] std::string fill_error_policy(Connection& connection, std::int64_t object_id);
/// Removes what earlier fills of a column or a view announced, which this operation has brought to an end.
[[nodiscard]] Statement forget_fills(std::int64_t object_id, std::int64_t operation_id);

}  // namespace intarsia
