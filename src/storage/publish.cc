// SPDX-License-Identifier: Apache-2.0
#include "storage/publish.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "intarsia/error.h"
#include "storage/function_stats.h"
#include "storage/wire.h"
#include "telemetry/function_counters.h"
#include "telemetry/operation_report.h"

namespace intarsia {

namespace {

constexpr int kMostAttempts = 12;
constexpr const char* kFlush = "select pg_logical_emit_message(true, 'intarsia', '')";  // answered when it is durable
constexpr const char* kRowChanges = "('update', 'delete')";  // operations that do more to rows than add some

std::int64_t now_microseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::atomic<std::int64_t> retries{0};

void pause_before(int attempt, std::string_view reason) {
  ++retries;
  log(LogLevel::kInfo, "publish.retry", "a publish is done again",
      {{"attempt", std::int64_t{attempt} + 1}, {"reason", std::string(reason)}});
  static thread_local std::minstd_rand random{std::random_device{}()};
  const int most = std::min(500, 2 << attempt);
  std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(1, most)(random)));
}

Statement append_operation(const Operation& operation, const RowCounts& counts) {
  Statement statement{
      "insert into operations (id, published, at, kind, tree_id, table_id, user_name, client, started, counts) "
      "values ($1, nextval('operation_ids'), clock_timestamp(), $2, $3, $4, $5, $6, $7, $8)"};
  statement.parameters.add(operation.id)
      .add(std::string_view(operation.kind))
      .add(operation.tree_id)
      .add(operation.table_id)
      .add(std::string_view(user_name()))
      .add(std::string_view(client_name()))
      .add(Type(TypeKind::kTimestamp), Value(Timestamp{operation.started}))
      .add_jsonb(counts_json(counts));
  return statement;
}

Statement append_version(const Operation& operation, const NewVersion& version) {
  Statement statement{
      "insert into versions (table_id, n, operation_id, schema_change, counts) "
      "select $1, coalesce((select n + 1 from versions where table_id = $1 order by n desc limit 1), 0), $2, $3, $4"};
  statement.parameters.add(version.table_id).add(operation.id);
  if (version.schema_change.empty())
    statement.parameters.add_null(wire::oid(Type(TypeKind::kString)));
  else
    statement.parameters.add(std::string_view(version.schema_change));
  statement.parameters.add_jsonb(counts_json(version.counts));
  return statement;
}

// counts_json and counts_from_json list the fields once.
constexpr std::pair<const char*, std::int64_t RowCounts::*> kCountFields[] = {
    {"inserted", &RowCounts::inserted},
    {"updated", &RowCounts::updated},
    {"deleted", &RowCounts::deleted},
    {"errors", &RowCounts::errors},
    {"computed", &RowCounts::computed_values}};

}  // namespace

const std::string& user_name() {
  static const std::string kName = [] {
    const passwd* entry = getpwuid(geteuid());
    return entry == nullptr ? fmt::format("uid {}", geteuid()) : std::string(entry->pw_name);
  }();
  return kName;
}

std::string client_name() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{}:{}", host, getpid());
}

void announce(const Operation& operation) {
  if (operation.process != getpid()) fail_in_child(operation.process);
  if (operation.activity) operation.activity->announce(operation);
}

std::string counts_json(const RowCounts& counts) {
  std::string json;
  for (const auto& [name, field] : kCountFields)
    if (counts.*field != 0) json += fmt::format("{}\"{}\": {}", json.empty() ? "" : ", ", name, counts.*field);
  return "{" + json + "}";
}

RowCounts counts_from_json(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  RowCounts counts;
  for (const auto& [name, field] : kCountFields) counts.*field = json.value(name, std::int64_t{0});
  return counts;
}

Operation new_operation(std::string kind, std::int64_t tree_id, std::int64_t table_id) {
  return {0, std::move(kind), tree_id, table_id, now_microseconds(), getpid(), nullptr};
}

Operation new_operation(Connection& connection, std::string kind, std::int64_t tree_id, std::int64_t table_id) {
  Operation operation = new_operation(std::move(kind), tree_id, table_id);
  operation.id = reserve_ids(connection, "operation_ids", 1).front();
  OperationReport::set_id(operation.id);
  return operation;
}

std::vector<std::int64_t> reserve_ids(Connection& connection, const char* sequence, std::int64_t count) {
  const Statement statement = reserve_ids(sequence, count);
  return reserved_ids(connection.query(statement.sql, statement.parameters));
}

Statement reserve_ids(const char* sequence, std::int64_t count) {
  Statement statement{fmt::format("select nextval('{}') from generate_series(1, $1)", sequence)};
  statement.parameters.add(count);
  return statement;
}

std::vector<std::int64_t> reserved_ids(const SqlRows& rows) {
  std::vector<std::int64_t> ids;
  for (int row = 0; row < rows.size(); ++row) ids.push_back(rows.int_at(row, 0));
  return ids;
}

std::vector<Statement> publish_opening(std::int64_t tree_id) {
  const std::string lock = tree_id == 0 ? "lock_catalog" : fmt::format("lock_{}", tree_id);
  return {{"begin isolation level serializable"},
          {fmt::format("lock table intarsia.{} in exclusive mode", lock)},
          {"set local synchronous_commit = off"}};
}

Statement check_schema(std::int64_t tree_id, std::int64_t schema_version) {
  Statement statement{
      "select case when schema_version = $1 then true else ('stale ' || schema_version)::bool end "
      "from trees where id = $2"};
  statement.parameters.add(schema_version).add(tree_id);
  return statement;
}

bool was_published(Connection& connection, const Operation& operation) {
  connection.pipeline(publish_opening(operation.tree_id));
  SqlParameters id;
  id.add(operation.id);
  const bool published = connection.query("select count(*) from operations where id = $1", id).int_at(0, 0) != 0;
  connection.run("rollback");
  // What a server that is about to end still shows may not be on its disk yet.
  if (published) connection.pipeline({{kFlush}});
  return published;
}

std::int64_t last_published(Connection& connection) {
  return connection.query("select coalesce(max(published), 0) from operations").int_at(0, 0);
}

Statement check_untouched(std::int64_t tree_id, std::int64_t since) {
  const Statement changes = changes_since(tree_id, since);
  return {fmt::format("select case when count(*) = 0 then true else ('touched ' || count(*))::bool end from ({}) c",
                      changes.sql),
          changes.parameters};
}

std::string untouched_condition(std::int64_t tree_id, std::int64_t since) {
  return fmt::format(
      "(select case when count(*) = 0 then true else ('touched ' || count(*))::bool end from operations "
      "where tree_id = {} and published > {} and kind in {})",
      tree_id, since, kRowChanges);
}

Statement changes_since(std::int64_t tree_id, std::int64_t since) {
  Statement statement{
      fmt::format("select id from operations where tree_id = $1 and published > $2 and kind in {}", kRowChanges)};
  statement.parameters.add(tree_id).add(since);
  return statement;
}

Statement next_schema_version(std::int64_t tree_id) {
  Statement statement{"update trees set schema_version = schema_version + 1 where id = $1"};
  statement.parameters.add(tree_id);
  return statement;
}

std::vector<Statement> publish_closing(const Operation& operation, const std::vector<NewVersion>& versions) {
  RowCounts all;
  for (const NewVersion& version : versions)
    for (const auto& [name, field] : kCountFields) all.*field += version.counts.*field;
  std::vector<Statement> statements;
  if (operation.activity && operation.activity->announced()) statements = end_activity(operation.id);
  statements.push_back(append_operation(operation, all));
  for (const NewVersion& version : versions) statements.push_back(append_version(operation, version));
  statements.push_back({"commit"});
  statements.push_back({kFlush});
  return statements;
}

std::int64_t publish_retries() {
  return retries;
}

void retry_publish(Connection& connection, const std::function<void()>& publish) {
  for (int attempt = 0;; ++attempt) {
    std::string reason;
    try {
      return publish();
    } catch (const Error& error) {
      connection.end_transaction();
      if (error.code() != ErrorCode::kSerializationFailure || attempt == kMostAttempts) throw;
      reason = error.detail().substr(0, error.detail().find('\n'));  // "SQLSTATE 40001: ..."
    } catch (...) {
      connection.end_transaction();
      throw;
    }
    pause_before(attempt, reason);
  }
}

/// Asked as often as the session is lost meanwhile.
static bool was_published(Pool& pool, const Operation& operation) {
  for (int attempt = 0;; ++attempt) {
    try {
      return was_published(*pool.take(), operation);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDatabaseUnavailable || attempt == kMostAttempts) throw;
    }
    pause_before(attempt, "the session was lost");
  }
}

void retry_publish(Pool& pool, const Operation& operation, const std::function<void(Connection&)>& publish) {
  if (operation.process != getpid()) fail_in_child(operation.process);
  bool lost = false;
  for (int attempt = 0;; ++attempt) {
    try {
      const Pool::Lease connection = pool.take();
      if (lost && was_published(*connection, operation)) return;
      retry_publish(*connection, [&] { publish(*connection); });
      if (function_stats_are_due()) add_function_stats(*connection);
      return;
    } catch (const StaleSchema&) {
      if (lost && was_published(pool, operation)) return;
      throw;
    } catch (const Error& error) {
      const bool unavailable = error.code() == ErrorCode::kDatabaseUnavailable;
      if (lost && !unavailable && was_published(pool, operation)) return;  // so what it made is in its own way
      if (!unavailable || attempt == kMostAttempts) throw;
      lost = true;
    }
    pause_before(attempt, "the session was lost");
  }
}

}  // namespace intarsia
