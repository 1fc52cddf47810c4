// SPDX-License-Identifier: Apache-2.0
#include "catalog/directories.h"

#include <fmt/format.h>

#include <sstream>

#include "catalog/drop_table.h"
#include "catalog/paths.h"
#include "catalog/placement.h"
#include "storage/publish.h"

namespace intarsia {

namespace {

// $1: the directory, $2: its path with a slash behind, $3: also what lies in its directories.
constexpr const char* kList = R"sql(
with recursive tree as (
  select $1::bigint as id, $2::text as prefix
  union all
  select d.id, t.prefix || d.name || '/' from tree t join directories d on d.parent_id = t.id where $3),
entries as (
  select t.prefix || d.name as path, d.name, 'dir' as kind, null::text as base, null::bigint as version
  from tree t join directories d on d.parent_id = t.id
  union all
  select t.prefix || x.name, x.name, x.kind,
         (select concat_ws('/', nullif(directory_path(b.directory_id), ''), b.name) from tables b
          where b.id = x.base_id and b.until is null),
         (select n from versions v where v.table_id = x.id order by n desc limit 1)
  from tree t join tables x on x.directory_id = t.id where x.until is null and not x.filling)
select path, name, kind, base, version from entries order by string_to_array(path, '/') collate "C")sql";

// A directory and all below it, and the tables in them.
constexpr const char* kInside = R"sql(
with recursive inside as (
  select $1::bigint as id union all select d.id from inside i join directories d on d.parent_id = i.id)
select i.id, t.id from inside i left join tables t on t.directory_id = i.id and t.until is null)sql";

struct Inside {
  std::vector<std::int64_t> directories;  ///< the directory itself first
  std::vector<std::int64_t> tables;
};

Inside find_inside(Connection& connection, std::int64_t directory_id) {
  SqlParameters parameters;
  parameters.add(directory_id);
  const SqlRows rows = connection.query(kInside, parameters);
  Inside inside;
  for (int row = 0; row < rows.size(); ++row) {
    inside.directories.push_back(rows.int_at(row, 0));
    if (!rows.is_null(row, 1)) inside.tables.push_back(rows.int_at(row, 1));
  }
  return inside;
}

std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  std::istringstream words(path);
  for (std::string name; std::getline(words, name, '/');) names.push_back(name);
  return names;
}

/// All directories on the way that are not there yet.
void insert_directories(Connection& connection, const PathEntry& entry) {
  std::int64_t parent = entry.deepest_id;
  const std::vector<std::string> names = names_of(entry.path);
  for (std::size_t i = static_cast<std::size_t>(entry.depth); i < names.size(); ++i) {
    SqlParameters parameters;
    parameters.add(parent).add(std::string_view(names[i]));
    parent = connection
                 .query(
                     "insert into directories (id, parent_id, name) values (nextval('object_ids'), $1, $2) "
                     "returning id",
                     parameters)
                 .int_at(0, 0);
  }
}

void check_not_below_table(Connection& connection, const std::string& described, const PathEntry& entry) {
  if (entry.missing_directory.empty()) return;
  const PathEntry above = find_path(connection, entry.missing_directory);
  if (above.is_table())
    throw Error(ErrorCode::kPathAlreadyExists, fmt::format("{}: path '{}' is {}", described, above.path, above.what()));
}

/// Ends what is in a directory and removes it. Throws Error(kConstraintViolation) when a view elsewhere depends on it.
void end_directory(Connection& connection, const std::string& described, const PathEntry& entry, bool force,
                   const Operation& operation) {
  const Inside inside = find_inside(connection, entry.id);
  const bool empty = inside.directories.size() == 1 && inside.tables.empty();
  if (!empty && !force)
    throw Error(
        ErrorCode::kUnsupportedOperation,
        fmt::format("{}: directory '{}' is not empty; with force, all that it holds goes too", described, entry.path));
  if (!inside.tables.empty()) end_dropped(connection, with_views(connection, inside.tables), operation);
  SqlParameters parameters;
  parameters.add_array(inside.directories);
  connection.query("delete from directories where id = any($1)", parameters);
}

}  // namespace

void create_directory(Pool& pool, const std::string& path, IfExists if_exists, bool parents) {
  const std::string described = fmt::format("create directory '{}'", path);
  const Operation operation = new_operation(*pool.take(), "create_directory", 0, 0);
  retry_publish(pool, operation, [&](Connection& connection) {
    connection.pipeline(publish_opening(0));
    PathEntry entry = find_path(connection, path);
    if (parents) {
      check_not_below_table(connection, described, entry);
      entry.missing_directory.clear();
    }
    if (existing_to_keep(described, entry, "dir", if_exists)) return connection.run("rollback");
    if (entry.exists()) {
      const bool force = if_exists == IfExists::kReplaceForce;
      end_directory(connection, described, entry, force, operation);
      entry = find_path(connection, path);
    }
    insert_directories(connection, entry);
    connection.pipeline(publish_closing(operation, {}));
  });
}

void drop_directory(Pool& pool, const std::string& path, bool force, IfNotExists if_not_exists) {
  const std::string described = fmt::format("drop directory '{}'", path);
  const Operation operation = new_operation(*pool.take(), "drop_directory", 0, 0);
  retry_publish(pool, operation, [&](Connection& connection) {
    connection.pipeline(publish_opening(0));
    const PathEntry entry = find_path(connection, path);
    if (!entry.exists() && if_not_exists == IfNotExists::kIgnore) return connection.run("rollback");
    require_parent(described, entry);
    if (!entry.exists())
      throw Error(ErrorCode::kPathNotFound, fmt::format("{}: path '{}' does not exist", described, path));
    if (!entry.is_directory())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: '{}' is {}, and not a directory", described, path, entry.what()));
    end_directory(connection, described, entry, force, operation);
    connection.pipeline(publish_closing(operation, {}));
  });
}

std::vector<DirectoryEntry> list_directory(Connection& connection, const std::string& path, bool recursive) {
  std::int64_t directory = 0;
  if (!path.empty()) {
    const PathEntry entry = find_path(connection, path);
    const std::string described = fmt::format("list '{}'", path);
    if (!entry.exists())
      throw Error(ErrorCode::kPathNotFound, fmt::format("{}: path '{}' does not exist", described, path));
    if (!entry.is_directory())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: it is {}, and not a directory", described, entry.what()));
    directory = entry.id;
  }
  SqlParameters parameters;
  parameters.add(directory).add(std::string_view(path.empty() ? "" : path + "/")).add(recursive);
  const SqlRows rows = connection.query(kList, parameters);
  std::vector<DirectoryEntry> entries;
  for (int row = 0; row < rows.size(); ++row)
    entries.push_back({rows.text_at(row, 0), rows.text_at(row, 1), rows.text_at(row, 2), rows.text_at(row, 3),
                       rows.is_null(row, 4) ? -1 : rows.int_at(row, 4)});
  return entries;
}

}  // namespace intarsia
