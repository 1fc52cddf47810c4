// SPDX-License-Identifier: Apache-2.0
#include "storage/history.h"

#include <fmt/format.h>

namespace intarsia {

namespace {

constexpr std::int64_t kHistoryLock = 0x1f113;  // of advisory locks

/// Columns of the SQL table that its history lacks, as ALTER TABLE adds them; "new" when there is no history.
std::string missing_columns(Connection& connection, const std::string& sql_table) {
  SqlParameters names;
  names.add(std::string_view(sql_table)).add(std::string_view(history_table(sql_table)));
  const SqlRows rows = connection.query(
      "select case when to_regclass($2) is null then 'new' else coalesce((select string_agg(format("
      "'add column %I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum) "
      "from pg_attribute a where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped "
      "and not exists (select from pg_attribute h where h.attrelid = to_regclass($2) and h.attname = a.attname)), '') "
      "end",
      names);
  return rows.text_at(0, 0);
}

void complete_history(Connection& connection, const std::string& sql_table) {
  if (missing_columns(connection, sql_table).empty()) return;
  connection.run(fmt::format("begin; select pg_advisory_xact_lock({})", kHistoryLock));
  try {
    const std::string history = history_table(sql_table);
    const std::string missing = missing_columns(connection, sql_table);
    if (missing == "new")
      connection.run(
          fmt::format("create table {0} (until bigint not null, like {1}); create index on {0} (until); "
                      "create index on {0} (row_id)",
                      history, sql_table));
    else if (!missing.empty())
      connection.run(fmt::format("alter table {} {}", history, missing));
    connection.run("commit");
  } catch (...) {
    connection.end_transaction();
    throw;
  }
}

}  // namespace

std::string history_table(const std::string& sql_table) {
  return sql_table + "_h";
}

void HistoryTables::ensure(Connection& connection, const std::set<std::string>& sql_tables,
                           std::int64_t schema_version) {
  for (const std::string& sql_table : sql_tables) {
    {
      const std::lock_guard lock(mutex_);
      const auto known = known_.find(sql_table);
      if (known != known_.end() && known->second == schema_version) continue;
    }
    complete_history(connection, sql_table);
    const std::lock_guard lock(mutex_);
    known_[sql_table] = schema_version;
  }
}

Statement keep_entries(const std::string& sql_table, const std::string& condition, SqlParameters parameters) {
  return {fmt::format("insert into {} select $1::bigint, x.* from {} x where {}", history_table(sql_table), sql_table,
                      condition),
          std::move(parameters)};
}

}  // namespace intarsia
