// SPDX-License-Identifier: Apache-2.0
#include "storage/activity.h"

#include <fmt/format.h>

#include "intarsia/error.h"
#include "storage/function_stats.h"
#include "storage/publish.h"
#include "telemetry/function_counters.h"

namespace intarsia {

namespace {

constexpr std::int64_t kActivityLock = std::int64_t{0x1f114} << 32;  // class of advisory locks
constexpr std::int64_t kFillLock = std::int64_t{0x1f111} << 32;      // FillClaim's

// What holds an advisory lock of a class, as pg_locks spells a bigint key.
constexpr const char* kIsAlive =
    "exists (select from pg_locks l where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and "
    "l.database = (select oid from pg_database where datname = current_database()) and "
    "l.classid = {}::oid and l.objid = {}::bigint::oid)";

Statement with_id(std::string sql, std::int64_t id) {
  Statement statement{std::move(sql)};
  statement.parameters.add(id);
  return statement;
}

Statement announcement(const Operation& operation, const std::string& description, std::int64_t object_id,
                       const std::string& on_error) {
  Statement statement{
      "insert into activity (operation_id, kind, tree_id, table_id, object_id, on_error, description, user_name, "
      "client, started) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) on conflict do nothing"};
  statement.parameters.add(operation.id)
      .add(std::string_view(operation.kind))
      .add(operation.tree_id)
      .add(operation.table_id)
      .add(object_id)
      .add(std::string_view(on_error))
      .add(std::string_view(description))
      .add(std::string_view(user_name()))
      .add(std::string_view(client_name()));
  return statement;
}

/// Fails when somebody has discarded the operation.
Statement check_announced(std::int64_t operation_id) {
  return with_id(
      "select case when count(*) = 1 then true else ('discarded ' || count(*))::bool end from (select from activity "
      "where operation_id = $1 and not discarded for update) a",
      operation_id);
}

}  // namespace

Activity::Activity(Pool& pool, std::string description, std::int64_t object_id, std::string on_error)
    : pool_(pool), description_(std::move(description)), object_id_(object_id), on_error_(std::move(on_error)) {}

Activity::~Activity() {
  if (!session_) return;
  try {
    session_->pipeline({{"begin"},
                        {"set local synchronous_commit = off"},
                        with_id("delete from activity where operation_id = $1", operation_id_),
                        {"commit"},
                        with_id("select pg_advisory_unlock($1)", kActivityLock + operation_id_)});
  } catch (...) {  // the session is gone, and the lock with it; the row tells of an operation that died
  }
}

void Activity::announce(const Operation& operation) {
  const std::lock_guard lock(mutex_);
  if (session_ && session_->still_there()) return;
  Pool::Lease session = pool_.take_aside();
  session->pipeline({with_id("select pg_advisory_lock($1)", kActivityLock + operation.id)});
  const bool again = session_ != nullptr && object_id_ == 0;
  session->pipeline({again
                         ? check_announced(operation.id)
                         : announcement(operation, description_, object_id_, on_error_)});  // durable: see end_activity
  operation_id_ = operation.id;
  session_ = std::move(session);
}

bool Activity::announced() const {
  const std::lock_guard lock(mutex_);
  return session_ != nullptr;
}

void Activity::report(std::int64_t rows, std::int64_t total) {
  const std::lock_guard lock(mutex_);
  if (!session_) return;
  Statement update{"update activity set rows_done = $2, rows_total = $3 where operation_id = $1"};
  update.parameters.add(operation_id_).add(rows).add(total);
  try {
    session_->pipeline({update});
    if (function_stats_are_due()) add_function_stats(*session_);
  } catch (const Error&) {  // only a figure for onlookers; of a lost session the publish will tell
  }
}

std::vector<Statement> end_activity(std::int64_t operation_id) {
  return {check_announced(operation_id), with_id("delete from activity where operation_id = $1", operation_id)};
}

std::vector<OperationInfo> list_activities(Connection& connection) {
  const SqlRows rows = connection.query(fmt::format(
      "select a.operation_id, a.kind, a.description, a.client, a.user_name, (extract(epoch from now() - a.started) * "
      "1000)::bigint, "
      "a.rows_done, a.rows_total, {}, a.object_id <> 0 from activity a "
      "union all "
      "select 0, 'add_column', 'add column ''' || c.name || ''' to ''' || concat_ws('/', "
      "nullif(directory_path(t.directory_id), ''), t.name) || '''', '', '', 0, 0, -1, false, true "
      "from columns c join tables t on t.id = c.table_id and t.until is null where c.until is null and c.filling "
      "and not {} and not exists (select from activity a where a.object_id = c.id) "
      "union all "
      "select 0, 'create_view', 'create view ''' || concat_ws('/', nullif(directory_path(t.directory_id), ''), t.name) "
      "|| '''', '', '', 0, 0, -1, false, true from tables t where t.until is null and t.filling and not {} "
      "and not exists (select from activity a where a.object_id = t.id) order by 1",
      fmt::format(fmt::runtime(kIsAlive), kActivityLock >> 32, "a.operation_id"),
      fmt::format(fmt::runtime(kIsAlive), kFillLock >> 32, "c.id"),
      fmt::format(fmt::runtime(kIsAlive), kFillLock >> 32, "t.id")));
  std::vector<OperationInfo> operations;
  for (int row = 0; row < rows.size(); ++row) {
    OperationInfo info;
    info.id = rows.int_at(row, 0);
    info.kind = rows.text_at(row, 1);
    info.description = rows.text_at(row, 2);
    info.client = rows.text_at(row, 3);
    info.user = rows.text_at(row, 4);
    info.seconds = static_cast<double>(rows.int_at(row, 5)) / 1000;
    info.rows = rows.int_at(row, 6);
    info.total = rows.int_at(row, 7);
    const bool alive = rows.int_at(row, 8) != 0, fills = rows.int_at(row, 9) != 0;
    info.state = alive ? "running" : fills ? "resumable" : "dead";
    operations.push_back(std::move(info));
  }
  return operations;
}

std::vector<std::int64_t> announced_fills(Connection& connection, std::int64_t object_id) {
  const Statement fills = with_id("select operation_id from activity where object_id = $1", object_id);
  return reserved_ids(connection.query(fills.sql, fills.parameters));
}

bool discard_activity(Connection& connection, std::int64_t operation_id, const std::function<void()>& clean_up) {
  const std::int64_t key = kActivityLock + operation_id;
  if (connection.query("select pg_try_advisory_lock($1)", with_id("", key).parameters).int_at(0, 0) == 0) return false;
  const Statement end = with_id("update activity set discarded = true where operation_id = $1", operation_id);
  const bool ended = connection.query(end.sql, end.parameters).affected() > 0;
  if (ended) {
    clean_up();
    connection.pipeline({with_id("delete from activity where operation_id = $1", operation_id)});
  }
  connection.query("select pg_advisory_unlock($1)", with_id("", key).parameters);
  return ended;
}

std::string fill_error_policy(Connection& connection, std::int64_t object_id) {
  const Statement last =
      with_id("select on_error from activity where object_id = $1 order by operation_id desc limit 1", object_id);
  const SqlRows rows = connection.query(last.sql, last.parameters);
  return rows.size() == 0 ? "ignore" : rows.text_at(0, 0);
}

Statement forget_fills(std::int64_t object_id, std::int64_t operation_id) {
  Statement statement{"delete from activity where object_id = $1 and operation_id <> $2"};
  statement.parameters.add(object_id).add(operation_id);
  return statement;
}

}  // namespace intarsia
