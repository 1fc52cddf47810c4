// SPDX-License-Identifier: Apache-2.0
#include "catalog/tree_cache.h"

#include <fmt/format.h>

#include "intarsia/error.h"

namespace intarsia {

namespace {

[[noreturn]] void fail_dropped(Connection& connection, std::int64_t table_id) {
  SqlParameters id;
  id.add(table_id);
  const SqlRows last = connection.query(
      "select kind, concat_ws('/', nullif(directory_path(directory_id), ''), name) from tables where id = $1 "
      "order by since desc limit 1",
      id);
  const std::string what =
      last.size() == 0 ? "this table" : fmt::format("{} '{}'", last.text_at(0, 0), last.text_at(0, 1));
  throw Error(ErrorCode::kTableNotFound,
              what + " was dropped, and this is a handle to what it was; get_table() finds what is there now");
}

}  // namespace

std::shared_ptr<const Tree> TreeCache::of_table(std::int64_t table_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto tree_id = tree_of_table_.find(table_id);
    if (tree_id != tree_of_table_.end()) {
      const auto tree = trees_.find(tree_id->second);
      if (tree != trees_.end() && tree->second->tables.contains(table_id)) return tree->second;
    }
  }
  return load(table_id);
}

std::shared_ptr<const Tree> TreeCache::reload(std::int64_t table_id) {
  return load(table_id);
}

std::shared_ptr<const Tree> TreeCache::newest(std::int64_t table_id) {
  std::shared_ptr<const Tree> tree = of_table(table_id);
  SqlParameters parameters;
  parameters.add(tree->id).add(tree->schema_version);
  const SqlRows rows = pool_.take()->query("select 1 from trees where id = $1 and schema_version = $2", parameters);
  return rows.size() == 1 ? tree : load(table_id);
}

std::shared_ptr<const Tree> TreeCache::load(std::int64_t table_id) {
  const Pool::Lease connection = pool_.take();
  SqlParameters parameters;
  parameters.add(table_id);
  const SqlRows found = connection->query("select tree_id from tables where id = $1 and until is null", parameters);
  if (found.size() == 0) fail_dropped(*connection, table_id);
  const std::int64_t tree_id = found.int_at(0, 0);
  std::shared_ptr<const Tree> tree = load_tree(*connection, tree_id);
  if (tree == nullptr || !tree->tables.contains(table_id)) fail_dropped(*connection, table_id);
  const std::lock_guard lock(mutex_);
  tree_of_table_[table_id] = tree_id;
  std::shared_ptr<const Tree>& known = trees_[tree_id];
  if (known == nullptr || known->schema_version <= tree->schema_version) known = tree;
  return known;
}

}  // namespace intarsia
