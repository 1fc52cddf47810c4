// SPDX-License-Identifier: Apache-2.0
#include "doctor/server_checks.h"

#include <fmt/format.h>

#include "doctor/findings.h"
#include "intarsia/error.h"
#include "storage/connection.h"

namespace intarsia {
namespace {

constexpr const char* kRestore = "restore a backup into another home (intarsia restore)";

void check_checksums(Connection& connection, Findings& findings) {
  const SqlRows rows = connection.query(
      "select coalesce(datname, 'shared'), checksum_failures from pg_stat_database where checksum_failures > 0");
  for (int row = 0; row < rows.size(); ++row)
    findings.add("database " + rows.text_at(row, 0),
                 fmt::format("{} pages were read whose checksums are wrong", rows.int_at(row, 1)),
                 "mend or restore what is damaged, and count anew",
                 [&] { connection.query("select from pg_stat_reset()"); });
}

void check_kept_wal(Connection& connection, Findings& findings) {
  const SqlRows rows = connection.query(
      "select slot_name::text, (pg_current_wal_lsn() - coalesce(restart_lsn, pg_current_wal_lsn()))::bigint from "
      "pg_replication_slots where not active");
  for (int row = 0; row < rows.size(); ++row)
    findings.add("replication slot " + rows.text_at(row, 0),
                 fmt::format("it keeps {} MB of WAL, and nobody reads it", rows.int_at(row, 1) >> 20),
                 fmt::format("select pg_drop_replication_slot('{}')", rows.text_at(row, 0)));
  const SqlRows prepared = connection.query("select gid from pg_prepared_xacts where database = current_database()");
  for (int row = 0; row < prepared.size(); ++row)
    findings.add("prepared transaction " + prepared.text_at(row, 0), "it keeps locks and WAL",
                 fmt::format("rollback prepared '{}'", prepared.text_at(row, 0)));
}

bool has_amcheck(Connection& connection) {
  return connection.query("select from pg_available_extensions where name = 'amcheck'").size() > 0;
}

/// What a check says of a relation, or nothing. The extension is there for this transaction only.
std::string complaint(Connection& connection, const std::string& select) {
  std::string found;
  try {
    connection.run("begin; set local lock_timeout = '1s'; create extension if not exists amcheck");
    const SqlRows rows = connection.query(select);
    if (rows.size() > 0 && !rows.is_null(0, 0)) found = rows.text_at(0, 0);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kDatabaseUnavailable) throw;
    if (error.code() != ErrorCode::kConcurrentModification) found = error.what();  // else somebody changes its schema
  } catch (const StaleSchema&) {                                                   // it was dropped meanwhile
  }
  connection.end_transaction();
  return found;
}

void check_relations(Connection& connection, Findings& findings) {
  const SqlRows relations = connection.query(
      "select c.oid::bigint, c.relname::text, c.relkind = 'i' from pg_class c left join pg_index i on i.indexrelid = "
      "c.oid left join pg_am a on a.oid = c.relam where c.relnamespace = 'intarsia'::regnamespace and (c.relkind = 'r' "
      "or (c.relkind = 'i' and i.indisvalid and a.amname = 'btree')) order by c.relname");
  for (int row = 0; row < relations.size(); ++row) {
    const std::int64_t oid = relations.int_at(row, 0);
    const std::string name = relations.text_at(row, 1);
    const bool is_index = relations.int_at(row, 2) != 0;
    // A function of the extension is looked up when the statement runs, in the schema that the extension got.
    const std::string found = complaint(
        connection, is_index ? fmt::format("select null from (select bt_index_check({}::oid::regclass)) q", oid)
                             : fmt::format("select min(msg) from verify_heapam({}::oid::regclass)", oid));
    if (found.empty()) continue;
    if (is_index)
      findings.add("index " + name, "it is damaged: " + found, "build it anew",
                   [&] { connection.run("reindex index " + quote_identifier(name)); });
    else
      findings.add("SQL table " + name, "it is damaged: " + found, kRestore);
  }
}

}  // namespace

void check_server(Connection& connection, Findings& findings) {
  if (has_amcheck(connection)) check_relations(connection, findings);
  check_checksums(connection, findings);  // afterwards: it counts what the checks have read, too
  check_kept_wal(connection, findings);
}

}  // namespace intarsia
