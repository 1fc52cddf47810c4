// SPDX-License-Identifier: Apache-2.0
// History: <sql table>_h(until, the same columns) holds the entries that operations have ended. An operation moves them
// there in two statements, insert ... select, then update or delete, under the tree's lock: nobody else changes them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "storage/connection.h"
#include "storage/fork.h"

namespace intarsia {

/// Makes history tables when they are first needed. Thread-safe.
class HistoryTables {
 public:
  /// Afterwards each of the SQL tables has a history with all its columns; in a transaction of its own.
  void ensure(Connection& connection, const std::set<std::string>& sql_tables, std::int64_t schema_version);

 private:
  ForkMutex<> mutex_;
  std::map<std::string, std::int64_t> known_;  // at which schema_version it was seen to be complete
};

[[nodiscard]] std::string history_table(const std::string& sql_table);
/// Copies the entries that `condition` says (over `x`, with `parameters` from $2 on) to the history, ended by
/// `operation_id`, which is $1.
[[nodiscard]] Statement keep_entries(const std::string& sql_table, const std::string& condition,
                                     SqlParameters parameters);

}  // namespace intarsia
