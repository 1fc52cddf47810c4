// SPDX-License-Identifier: Apache-2.0
#include "catalog/drop_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "catalog/paths.h"
#include "catalog/table_rows.h"

namespace intarsia {

namespace {

constexpr const char* kWithViews = R"sql(
with recursive dropped as (
  select id, tree_id, directory_id, name, kind, 0 as depth from tables where id = any($1) and until is null
  union
  select t.id, t.tree_id, t.directory_id, t.name, t.kind, d.depth + 1
  from dropped d join tables t on t.base_id = d.id where t.until is null)
select id, min(tree_id), min(concat_ws('/', nullif(directory_path(directory_id), ''), name)), min(kind)
from dropped group by id order by max(depth), id)sql";

// SQL tables that belong to no table (no tree) of the catalog, with the id that their name begins with.
constexpr const char* kLeftovers = R"sql(
select l.relname::text, l.id, l.relname like 'lock%' from (
  select relname, split_part(relname, '_', 2)::bigint as id from pg_class
  where relnamespace = 'intarsia'::regnamespace and relkind in ('r', 'v') and relname ~ '^(rows|fam|lock)_[0-9]') l
where case when l.relname like 'lock%' then not exists (select 1 from tables where tree_id = l.id and until is null)
           else not exists (select 1 from tables where id = l.id and until is null) end)sql";

Error not_droppable(const std::string& described, const std::string& dependents) {
  return {ErrorCode::kConstraintViolation,
          fmt::format("{}: the following depend on it: {}; drop them first, or use force", described, dependents)};
}

void drop(Connection& connection, const Operation& operation, const std::string& described, std::int64_t table_id,
          bool force) {
  const std::vector<DroppedTable> tables = with_views(connection, {table_id});
  if (tables.empty()) throw Error(ErrorCode::kTableNotFound, fmt::format("{}: it was dropped already", described));
  if (tables.size() > 1 && !force) throw not_droppable(described, dependents_text(tables, {table_id}));
  end_dropped(connection, tables, operation);
  Operation of_tree = operation;
  of_tree.tree_id = tables[0].tree_id;
  of_tree.table_id = table_id;
  connection.pipeline(publish_closing(of_tree, {}));
}

/// One table's SQL tables and files go together, so that none stays behind alone.
void remove_leftover(Connection& connection, const MediaStore& media_store, std::int64_t id,
                     const std::vector<std::string>& sql_tables, bool is_lock) {
  try {
    connection.run("begin; set local lock_timeout = '50ms'");
    connection.run(fmt::format("drop {} if exists {}", is_lock ? "view" : "table", fmt::join(sql_tables, ", ")));
    if (!is_lock) media_store.remove_table(id);
    connection.run("commit");
  } catch (const Error& error) {
    connection.end_transaction();
    if (error.code() == ErrorCode::kDatabaseUnavailable) throw;  // else: somebody reads it, or made a view on it
  }
}

}  // namespace

std::vector<DroppedTable> with_views(Connection& connection, const std::vector<std::int64_t>& table_ids) {
  SqlParameters parameters;
  parameters.add_array(table_ids);
  const SqlRows rows = connection.query(kWithViews, parameters);
  std::vector<DroppedTable> tables;
  for (int row = 0; row < rows.size(); ++row)
    tables.push_back({rows.int_at(row, 0), rows.int_at(row, 1), rows.text_at(row, 2), rows.text_at(row, 3)});
  return tables;
}

std::string dependents_text(const std::vector<DroppedTable>& tables, const std::vector<std::int64_t>& table_ids) {
  std::vector<std::string> paths;
  for (const DroppedTable& table : tables)
    if (std::find(table_ids.begin(), table_ids.end(), table.id) == table_ids.end())
      paths.push_back(fmt::format("'{}'", table.path));
  return fmt::format("{}", fmt::join(paths, ", "));
}

void end_dropped(Connection& connection, const std::vector<DroppedTable>& tables, const Operation& operation) {
  std::set<std::int64_t> trees;
  std::vector<std::int64_t> ids;
  for (const DroppedTable& table : tables) {
    trees.insert(table.tree_id);
    ids.push_back(table.id);
  }
  if (ids.empty()) return;
  for (const std::int64_t tree : trees)
    connection.run(fmt::format("lock table intarsia.lock_{} in exclusive mode", tree));
  connection.pipeline(end_tables(ids, operation.id));
}

void drop_table(Pool& pool, const std::string& path, bool force, IfNotExists if_not_exists) {
  const std::string described = fmt::format("drop table '{}'", path);
  const Operation operation = new_operation(*pool.take(), "drop_table", 0, 0);
  retry_publish(pool, operation, [&](Connection& connection) {
    connection.pipeline(publish_opening(0));
    PathEntry entry = find_path(connection, path);
    if (!entry.exists() && if_not_exists == IfNotExists::kIgnore) return connection.run("rollback");
    entry.filling = false;  // dropping a view that never got ready is how it goes away
    require_table(described, entry);
    drop(connection, operation, described, entry.id, force);
  });
}

void drop_table(Pool& pool, std::int64_t table_id, bool force) {
  const Operation operation = new_operation(*pool.take(), "drop_table", 0, table_id);
  retry_publish(pool, operation, [&](Connection& connection) {
    connection.pipeline(publish_opening(0));
    const std::vector<DroppedTable> tables = with_views(connection, {table_id});
    const std::string described = tables.empty() ? "drop table" : fmt::format("drop table '{}'", tables[0].path);
    drop(connection, operation, described, table_id, force);
  });
}

std::vector<std::string> leftovers(Connection& connection) {
  const SqlRows rows = connection.query(kLeftovers);
  std::vector<std::string> names;
  for (int row = 0; row < rows.size(); ++row) names.push_back(rows.text_at(row, 0));
  return names;
}

void remove_leftovers(Connection& connection, const MediaStore& media_store) {
  const SqlRows rows = connection.query(kLeftovers);
  std::map<std::pair<bool, std::int64_t>, std::vector<std::string>> by_table;
  for (int row = 0; row < rows.size(); ++row)
    by_table[{rows.int_at(row, 2) != 0, rows.int_at(row, 1)}].push_back(rows.text_at(row, 0));
  for (const auto& [key, sql_tables] : by_table)
    remove_leftover(connection, media_store, key.second, sql_tables, key.first);
}

}  // namespace intarsia
