// SPDX-License-Identifier: Apache-2.0
#include "exec/operation_files.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>

#include "storage/history.h"

namespace intarsia {

namespace {

constexpr std::size_t kFilesAtOnce = 10'000;

/// Files of one operation: their ends of paths, and the rows that may name them.
struct Candidates {
  std::set<std::string> names;  ///< "<table>/<operation>/<row>_<column>.<extension>"
  std::vector<std::int64_t> row_ids;
};

std::int64_t row_of(const std::string& file_name) {
  std::int64_t row_id = 0;
  std::from_chars(file_name.data(), file_name.data() + file_name.size(), row_id);
  return row_id;
}

/// "<table>/<operation>/<file>" of a path.
std::string last_parts(const std::string& path) {
  std::size_t slash = path.size();
  for (int parts = 0; parts < 3 && slash != std::string::npos && slash > 0; ++parts) slash = path.rfind('/', slash - 1);
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

class UnnamedFiles {
 public:
  UnnamedFiles(Engine& engine, const TableDef& table) : engine_(engine), table_(table) {}

  void remove(std::int64_t operation_id) {
    const std::string prefix = fmt::format("{}/{}/", table_.id, operation_id);
    Candidates files;
    const auto check = [&] {
      remove_others_than_named(files, operation_id);
      files = {};
    };
    engine_.media_store().for_each_file(table_.id, operation_id, [&](const std::string& name) {
      files.names.insert(prefix + name);
      files.row_ids.push_back(row_of(name));
      if (files.names.size() == kFilesAtOnce) check();
    });
    check();
  }

 private:
  void remove_others_than_named(Candidates& files, std::int64_t operation_id) {
    if (files.names.empty()) return;
    const Pool::Lease connection = engine_.connect();
    for (const ColumnDef& column : table_.columns) {
      if (!column.stored || !column.type.is_media()) continue;
      const std::string sql_table = table_.sql_table_of(column.id);
      for (const std::string& name : {sql_table, history_table(sql_table)})
        if (exists(*connection, name)) forget_named(*connection, name, column, files);
    }
    for (const std::string& name : files.names)
      engine_.media_store().remove_file(table_.id, operation_id, name.substr(name.rfind('/') + 1));
  }

  static bool exists(Connection& connection, const std::string& sql_table) {
    SqlParameters parameters;
    parameters.add(std::string_view("intarsia." + sql_table));
    return connection.query("select 1 where to_regclass($1) is not null", parameters).size() > 0;
  }

  /// A home that was moved has paths that begin otherwise: only their ends tell.
  static void forget_named(Connection& connection, const std::string& sql_table, const ColumnDef& column,
                           Candidates& files) {
    SqlParameters parameters;
    parameters.add_array(std::span<const std::int64_t>(files.row_ids));
    const SqlRows urls = connection.query(
        fmt::format("select c{0} from {1} where row_id = any($1) and c{0} is not null", column.id, sql_table),
        parameters);
    for (int row = 0; row < urls.size(); ++row) files.names.erase(last_parts(urls.text_at(row, 0)));
  }

  Engine& engine_;
  const TableDef& table_;
};

bool has_files(Engine& engine, const Tree& tree, const Operation& operation) {
  bool found = false;
  for (const auto& [id, table] : tree.tables)
    engine.media_store().for_each_file(id, operation.id, [&](const std::string&) { found = true; });
  return found;
}

}  // namespace

// Whoever gave up waiting for the tree's lock does not wait for it again when there is nothing to remove.
void remove_files_of_failed(Engine& engine, const Tree& tree, const Operation& operation) noexcept {
  if (operation.id == 0) return;
  try {
    if (!has_files(engine, tree, operation) || was_published(*engine.connect(), operation)) return;
    for (const auto& [id, table] : tree.tables) engine.media_store().remove_operation(id, operation.id);
  } catch (...) {  // the announcement stays
  }
}

void remove_unnamed_files(Engine& engine, const TableDef& table,
                          const std::vector<std::int64_t>& operation_ids) noexcept {
  try {
    UnnamedFiles files(engine, table);
    for (const std::int64_t id : operation_ids) files.remove(id);
  } catch (...) {  // `intarsia doctor --fix` finds them
  }
}

}  // namespace intarsia
