// SPDX-License-Identifier: Apache-2.0
#include "catalog/create_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "catalog/declared_columns.h"
#include "catalog/placement.h"
#include "catalog/table_rows.h"

namespace intarsia {

namespace {

TableDef declare_table(Connection& connection, const std::string& described, const std::string& path,
                       const std::vector<ColumnSpec>& columns, const TableOptions& options) {
  if (columns.empty()) throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: it needs a column", described));
  TableDef table = new_table(described, path, "table", options);
  std::vector<std::int64_t> ids = reserve_object_ids(connection, 2 + 2 * columns.size());
  table.tree_id = take_id(ids);
  table.id = take_id(ids);
  table.rows_table_name = table.rows_table();
  ColumnScope scope(described);
  declare_columns(described, columns, scope, table, std::move(ids));
  return table;
}

}  // namespace

std::int64_t create_table(Pool& pool, const std::string& path, const std::vector<ColumnSpec>& columns,
                          const TableOptions& options) {
  const std::string described = fmt::format("create table '{}'", path);
  TableDef table;
  Operation operation;
  {
    const Pool::Lease connection = pool.take();
    if (const auto kept = existing_to_keep(described, find_path(*connection, path), "table", options.if_exists))
      return *kept;
    table = declare_table(*connection, described, path, columns, options);
    operation = new_operation(*connection, "create_table", 0, table.id);
  }
  std::int64_t id = table.id;
  retry_publish(pool, operation, [&](Connection& connection) {
    id = table.id;
    connection.pipeline(publish_opening(0));
    const PathEntry entry = find_path(connection, path);
    if (const auto kept = existing_to_keep(described, entry, "table", options.if_exists)) {
      id = *kept;
      return connection.run("rollback");
    }
    end_dropped(connection, tables_to_replace(connection, described, entry, options.if_exists), operation);
    table.directory_id = entry.parent_id;
    insert_tree(connection, table.tree_id);
    insert_table(connection, table, operation.id);
    Operation of_tree = operation;
    of_tree.tree_id = table.tree_id;
    connection.pipeline(publish_closing(of_tree, {{table.id, "Initial Version", {}}}));
  });
  return id;
}

TableDef new_table(const std::string& described, const std::string& path, const std::string& kind,
                   const TableOptions& options) {
  if (!options.custom_metadata.empty() && !nlohmann::json::accept(options.custom_metadata))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: custom_metadata is no JSON: {}", described, options.custom_metadata));
  TableDef table;
  table.uuid = Uuid::random().text();
  table.name = name_of(path);
  table.path = path;
  table.kind = kind;
  table.media_validation = options.media_validation;
  table.comment = options.comment;
  table.custom_metadata = options.custom_metadata;
  return table;
}

std::vector<std::int64_t> reserve_object_ids(Connection& connection, std::size_t count) {
  std::vector<std::int64_t> ids = reserve_ids(connection, "object_ids", static_cast<std::int64_t>(count));
  std::reverse(ids.begin(), ids.end());
  return ids;
}

std::int64_t take_id(std::vector<std::int64_t>& ids) {
  const std::int64_t id = ids.back();
  ids.pop_back();
  return id;
}

}  // namespace intarsia
