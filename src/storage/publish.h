// SPDX-License-Identifier: Apache-2.0
// The one short transaction that makes an operation visible. It opens with a lock that takes no snapshot, so what
// follows sees all that was committed before, and ends with a flush that is answered once everything is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "intarsia/table.h"
#include "storage/activity.h"
#include "storage/connection.h"

namespace intarsia {

/// An operation on its way: its id is in every entry that it writes, long before it is published.
struct Operation {
  std::int64_t id = 0;
  std::string kind;  ///< "insert", "create_table", "add_column", ...
  std::int64_t tree_id = 0;
  std::int64_t table_id = 0;  ///< what it was called on
  std::int64_t started = 0;   ///< microseconds since 1970, UTC
  int process = 0;            ///< that began it
  std::shared_ptr<Activity> activity = nullptr;
};

/// Tells others of the operation, before it takes time or leaves something outside the database.
void announce(const Operation& operation);

/// Who operations are published as: the account, and "host:process".
[[nodiscard]] const std::string& user_name();
[[nodiscard]] std::string client_name();

/// What an operation is for the users of one table: a new version of it.
struct NewVersion {
  std::int64_t table_id = 0;
  std::string schema_change;  ///< "Initial Version", "Added: w"; empty: data only
  RowCounts counts;
};

/// An operation that begins now and has no id yet.
[[nodiscard]] Operation new_operation(std::string kind, std::int64_t tree_id, std::int64_t table_id);
/// An operation with an id of its own.
[[nodiscard]] Operation new_operation(Connection& connection, std::string kind, std::int64_t tree_id,
                                      std::int64_t table_id);
/// `count` ids of the sequence ("object_ids", "row_ids", "operation_ids"), ascending.
[[nodiscard]] std::vector<std::int64_t> reserve_ids(Connection& connection, const char* sequence, std::int64_t count);
/// The same as a statement of a pipeline, and what it returned.
[[nodiscard]] Statement reserve_ids(const char* sequence, std::int64_t count);
[[nodiscard]] std::vector<std::int64_t> reserved_ids(const SqlRows& rows);

/// BEGIN and the tree's lock. A tree_id of 0 means the lock of directories and paths (lock_catalog), which comes before
/// that of any tree.
[[nodiscard]] std::vector<Statement> publish_opening(std::int64_t tree_id);
/// Gives StaleSchema unless the tree is at this schema_version.
[[nodiscard]] Statement check_schema(std::int64_t tree_id, std::int64_t schema_version);
/// Whether the operation is there for all to see, and durable; waits, by the tree's lock, for a session that is lost
/// and still at work.
[[nodiscard]] bool was_published(Connection& connection, const Operation& operation);
/// The place of the last operation in the order of publishing.
[[nodiscard]] std::int64_t last_published(Connection& connection);
/// Gives RowsTouched if operations on the tree that were published after place `since` changed rows, and not only
/// added some.
[[nodiscard]] Statement check_untouched(std::int64_t tree_id, std::int64_t since);
/// The same as a condition of another statement.
[[nodiscard]] std::string untouched_condition(std::int64_t tree_id, std::int64_t since);
/// Which operations those are.
[[nodiscard]] Statement changes_since(std::int64_t tree_id, std::int64_t since);
/// A schema change ends with one of these.
[[nodiscard]] Statement next_schema_version(std::int64_t tree_id);
/// The operation, its versions, COMMIT, and the flush.
[[nodiscard]] std::vector<Statement> publish_closing(const Operation& operation,
                                                     const std::vector<NewVersion>& versions);

/// Runs `publish` again, with growing pauses, as long as it fails with a serialization failure or a deadlock. `publish`
/// must begin its own transaction; what is left open by a failure is rolled back here.
void retry_publish(Connection& connection, const std::function<void()>& publish);

/// The same on a session of the pool; a session that is lost is replaced. Whether the operation was published before
/// that is asked under the tree's lock, so that it is neither lost nor done twice.
void retry_publish(Pool& pool, const Operation& operation, const std::function<void(Connection&)>& publish);

[[nodiscard]] std::string counts_json(const RowCounts& counts);
[[nodiscard]] RowCounts counts_from_json(std::string_view json);

}  // namespace intarsia
