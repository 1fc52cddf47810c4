// SPDX-License-Identifier: Apache-2.0
#include "doctor/catalog_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "catalog/column_rows.h"
#include "catalog/drop_table.h"
#include "doctor/findings.h"
#include "exec/engine.h"
#include "exec/resume.h"
#include "storage/activity.h"

namespace intarsia {
namespace {

constexpr const char* kRestore = "restore a backup into another home or database (intarsia restore)";

std::set<std::string> relations(Connection& connection) {
  const SqlRows rows = connection.query(
      "select relname::text from pg_class where relnamespace = 'intarsia'::regnamespace and relkind in ('r', 'v')");
  std::set<std::string> names;
  for (int row = 0; row < rows.size(); ++row) names.insert(rows.text_at(row, 0));
  return names;
}

std::vector<std::shared_ptr<const Tree>> all_trees(Engine& engine, Connection& connection) {
  const SqlRows rows = connection.query("select min(id) from tables where until is null group by tree_id order by 1");
  std::vector<std::shared_ptr<const Tree>> trees;
  for (int row = 0; row < rows.size(); ++row) trees.push_back(engine.trees().newest(rows.int_at(row, 0)));
  return trees;
}

/// A statement under the tree's lock, which every writer takes.
void run_locked(Connection& connection, std::int64_t tree_id, const std::string& sql) {
  connection.pipeline({{"begin"},
                       {"set local lock_timeout = '10s'"},
                       {fmt::format("lock table lock_{} in exclusive mode", tree_id)},
                       {sql},
                       {"commit"}});
}

// ---- SQL tables ----------------------------------------------------------------------------------------------------

void check_leftovers(Engine& engine, Connection& connection, Findings& findings) {
  const std::vector<std::string> left = leftovers(connection);
  if (left.empty()) return;
  findings.add(fmt::format("{}", fmt::join(left, ", ")), "of a table that was dropped", "drop it too", [&] {
    remove_leftovers(connection, engine.media_store());
    if (const auto still = leftovers(connection); !still.empty())
      throw Error(ErrorCode::kConcurrentModification,
                  fmt::format("somebody reads {}, or has made a view on it", fmt::join(still, ", ")));
  });
}

/// Of a living table only a fill that was given up ends a generation, and then it drops the SQL table.
void check_families(Connection& connection, Findings& findings) {
  const SqlRows rows = connection.query(
      "select relname::text, t.tree_id from pg_class c join tables t on t.id = split_part(relname, '_', 2)::bigint and "
      "t.until is null where relnamespace = 'intarsia'::regnamespace and relkind = 'r' and relname ~ "
      "'^fam_[0-9]+_[0-9]+(_h)?$' and not exists (select from generations g where g.until is null and relname in "
      "(g.sql_table, g.sql_table || '_h'))");
  for (int row = 0; row < rows.size(); ++row) {
    const std::string name = rows.text_at(row, 0);
    findings.add("SQL table " + name, "of a column whose filling was given up", "drop it",
                 [&] { run_locked(connection, rows.int_at(row, 1), "drop table if exists " + name); });
  }
}

void check_presence(const Tree& tree, const std::set<std::string>& there, Connection& connection, Findings& findings) {
  const std::string lock = fmt::format("lock_{}", tree.id);
  if (!there.contains(lock))
    findings.add("SQL view " + lock, "it is missing, and every write needs it", "make it",
                 [&] { connection.run(fmt::format("create view {} as select 1 as one", lock)); });
  for (const auto& [id, table] : tree.tables) {
    if (!there.contains(table.rows_table()))
      findings.add(table.path, fmt::format("its SQL table {} is missing", table.rows_table()), kRestore);
    for (const Generation& generation : table.generations)
      if (!there.contains(generation.sql_table))
        findings.add(table.path, fmt::format("its SQL table {} is missing", generation.sql_table), kRestore);
  }
}

// ---- entries -------------------------------------------------------------------------------------------------------

void check_entries(const Tree& tree, const std::string& sql_table, const std::string& where, const std::string& orphan,
                   const std::string& what, Connection& connection, Findings& findings) {
  const std::int64_t count =
      connection.query(fmt::format("select count(*) from {} x where {}", sql_table, orphan)).int_at(0, 0);
  if (count == 0) return;
  findings.add(where, fmt::format("{} {} (SQL table {})", count, what, sql_table), "delete them",
               [&] { run_locked(connection, tree.id, fmt::format("delete from {} x where {}", sql_table, orphan)); });
}

void check_table_entries(const Tree& tree, const TableDef& table, const std::set<std::string>& there,
                         Connection& connection, Findings& findings) {
  const std::string rows = table.rows_table(), history = rows + "_h";
  if (!there.contains(rows)) return;
  if (table.base_id != 0 && !table.filling && there.contains(tree.table(table.base_id).rows_table()))
    check_entries(tree, rows, table.path,
                  fmt::format("not exists (select from {} b where b.row_id = x.{})",
                              tree.table(table.base_id).rows_table(), table.has_iterator() ? "parent_id" : "row_id"),
                  "rows of the view whose row of the base is not there", connection, findings);
  for (const Generation& generation : table.generations) {
    if (!there.contains(generation.sql_table)) continue;
    std::string orphan = fmt::format("not exists (select from {} r where r.row_id = x.row_id)", rows);
    if (there.contains(history))
      orphan += fmt::format(" and not exists (select from {} h where h.row_id = x.row_id)", history);
    check_entries(tree, generation.sql_table, table.path, orphan, "cells of rows that are not there", connection,
                  findings);
  }
}

// ---- indexes -------------------------------------------------------------------------------------------------------

struct Index {
  std::string sql_table;
  std::string columns;    ///< "parent_id, pos"
  std::string condition;  ///< "(c5_note IS NOT NULL)", or empty
  std::string ddl;
  bool unique = false;
};

std::vector<Index> expected_indexes(const TableDef& table) {
  const std::string rows = table.rows_table();
  std::vector<Index> indexes{{rows, "row_id", "", fmt::format("alter table {} add primary key (row_id)", rows), true},
                             {rows, "version", "", fmt::format("create index on {} (version)", rows), false}};
  for (const Generation& generation : table.generations)
    indexes.push_back({generation.sql_table, "row_id", "",
                       fmt::format("alter table {} add primary key (row_id)", generation.sql_table), true});
  if (table.has_iterator())
    indexes.push_back(
        {rows, "parent_id, pos", "", fmt::format("alter table {} add unique (parent_id, pos)", rows), true});
  std::vector<std::string> key;
  for (const ColumnDef& column : table.columns) {
    if (column.primary_key) key.push_back(sql_name(column));
    if (!column.stored || is_position(column) || !has_note(column)) continue;
    const std::string& sql_table = table.sql_table_of(column.id);
    indexes.push_back({sql_table, "row_id", fmt::format("({}_note IS NOT NULL)", sql_name(column)),
                       note_index_ddl(sql_table, column).substr(2), false});
  }
  if (!key.empty()) {
    const std::string columns = fmt::format("{}", fmt::join(key, ", "));
    indexes.push_back({rows, columns, "", fmt::format("create unique index on {} ({})", rows, columns), true});
  }
  return indexes;
}

using IndexKey = std::tuple<std::string, std::string, std::string, bool>;

std::set<IndexKey> indexes_there(Connection& connection) {
  const SqlRows rows = connection.query(
      "select c.relname::text, (select string_agg(a.attname, ', ' order by k.n) from unnest(i.indkey::int2[]) with "
      "ordinality k(attnum, n) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum), "
      "coalesce(pg_get_expr(i.indpred, i.indrelid), ''), i.indisunique from pg_index i join pg_class c on c.oid = "
      "i.indrelid where c.relnamespace = 'intarsia'::regnamespace");
  std::set<IndexKey> there;
  for (int row = 0; row < rows.size(); ++row)
    there.insert({rows.text_at(row, 0), rows.text_at(row, 1), rows.text_at(row, 2), rows.int_at(row, 3) != 0});
  return there;
}

void check_missing_indexes(const std::vector<std::shared_ptr<const Tree>>& trees, const std::set<std::string>& there,
                           Connection& connection, Findings& findings) {
  const std::set<IndexKey> found = indexes_there(connection);
  for (const auto& tree : trees)
    for (const auto& [id, table] : tree->tables)
      for (const Index& index : expected_indexes(table)) {
        if (!there.contains(index.sql_table) ||
            found.contains({index.sql_table, index.columns, index.condition, index.unique}))
          continue;
        findings.add(table.path, fmt::format("an index of SQL table {} is missing", index.sql_table), index.ddl,
                     [&] { run_locked(connection, tree->id, index.ddl); });
      }
}

void check_invalid_indexes(Connection& connection, Findings& findings) {
  const SqlRows rows = connection.query(
      "select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = "
      "'intarsia'::regnamespace and not (i.indisvalid and i.indisready)");
  for (int row = 0; row < rows.size(); ++row)
    findings.add("index " + rows.text_at(row, 0), "it is invalid: its building was interrupted", "build it anew",
                 [&] { connection.run("reindex index " + quote_identifier(rows.text_at(row, 0))); });
}

// ---- operations and results ----------------------------------------------------------------------------------------

bool is_on_its_way(Connection& connection, const OperationInfo& asked) {
  for (const OperationInfo& operation : list_activities(connection))
    if (operation.state == "resumable" && operation.description == asked.description) return true;
  return false;
}

void check_operations(Engine& engine, Connection& connection, Findings& findings) {
  for (const OperationInfo& operation : list_activities(connection)) {
    const std::string who = operation.client.empty() ? "its process" : operation.client;
    if (operation.state == "dead")
      findings.add(operation.description, fmt::format("{} died on the way", who), "discard what it left",
                   [&] { static_cast<void>(discard_dead(engine)); });
    if (operation.state != "resumable") continue;
    findings.add(operation.description, fmt::format("{} died, and nobody goes on with it", who),
                 "finish it (intarsia resume, or open the table in a program with its functions)", [&] {
                   static_cast<void>(resume_fills(engine));
                   if (is_on_its_way(connection, operation))
                     throw Error(ErrorCode::kFunctionNotFound, "a function of it is not there");
                 });
  }
}

void check_results(Engine& engine, Findings& findings) {
  const std::int64_t limit = engine.config().results_limit;
  const std::int64_t size = engine.results().size();
  if (size <= limit) return;
  findings.add("kept results", fmt::format("they take {} MB; results_limit is {} MB", size >> 20, limit >> 20),
               "remove the oldest", [&] { engine.results().keep_to_limit(); });
}

}  // namespace

void check_catalog(Engine& engine, Findings& findings) {
  const Pool::Lease connection = engine.connect();
  check_operations(engine, *connection, findings);
  check_leftovers(engine, *connection, findings);
  check_families(*connection, findings);
  const std::set<std::string> there = relations(*connection);
  const std::vector<std::shared_ptr<const Tree>> trees = all_trees(engine, *connection);
  check_invalid_indexes(*connection, findings);
  check_missing_indexes(trees, there, *connection, findings);
  for (const auto& tree : trees) {
    check_presence(*tree, there, *connection, findings);
    for (const auto& [id, table] : tree->tables) check_table_entries(*tree, table, there, *connection, findings);
  }
  check_results(engine, findings);
}

}  // namespace intarsia
