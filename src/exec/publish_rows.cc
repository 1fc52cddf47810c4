// SPDX-License-Identifier: Apache-2.0
#include "exec/publish_rows.h"

#include <algorithm>

#include "storage/row_writer.h"

namespace intarsia {

namespace {

constexpr std::int64_t kMostPipelinedRows = 100;
constexpr std::int64_t kMostPipelinedBytes = 4 << 20;

void append(std::vector<Statement>& statements, std::vector<Statement> more) {
  std::move(more.begin(), more.end(), std::back_inserter(statements));
}

void publish_few(Connection& connection, const Tree& tree, const Operation& operation, const Spool& spool,
                 const std::vector<NewVersion>& versions) {
  std::vector<Statement> statements = publish_opening(tree.id);
  statements.push_back(check_schema(tree.id, tree.schema_version));
  for (const auto& rows : spool.all()) {
    const auto table = tree.tables.find(rows->table_id);
    if (table == tree.tables.end()) continue;
    const RowSet cells = spool.cells(*rows);
    for (const SqlTarget& target : sql_targets(table->second))
      statements.push_back(insert_statement(target, cells, operation.id));
  }
  append(statements, publish_closing(operation, versions));
  connection.pipeline(statements);
}

// READ COMMITTED: the snapshot of a serializable transaction would be from before the lock, blind to what others
// published during the copy. New rows under new ids conflict with nothing.
void publish_many(Connection& connection, const Tree& tree, const Operation& operation, const Spool& spool,
                  const std::vector<NewVersion>& versions) {
  connection.run("begin isolation level read committed");
  copy_rows(connection, tree, operation.id, spool);
  std::vector<Statement> statements = publish_opening(tree.id);
  statements.erase(statements.begin());  // BEGIN
  statements.push_back(check_schema(tree.id, tree.schema_version));
  append(statements, publish_closing(operation, versions));
  connection.pipeline(statements);
}

}  // namespace

void copy_rows(Connection& connection, const Tree& tree, std::int64_t version, const Spool& spool) {
  for (const auto& [table_id, table] : tree.tables) {
    std::vector<const NewRows*> made;
    for (const auto& rows : spool.all())
      if (rows->table_id == table_id) made.push_back(rows.get());
    if (made.empty()) continue;
    for (const SqlTarget& target : sql_targets(table)) {
      std::size_t next = 0;
      connection.copy_in(copy_statement(target), [&](std::string& data) {
        if (next == made.size()) return false;
        append_tuples(target, spool.cells(*made[next++]), version, data);
        return true;
      });
    }
  }
}

void publish_rows(Engine& engine, const Tree& tree, const Operation& operation, const Spool& spool,
                  const std::vector<NewVersion>& versions) {
  const bool few = spool.num_rows() <= kMostPipelinedRows && spool.byte_size() <= kMostPipelinedBytes;
  engine.media_store().make_durable(operation.id);
  retry_publish(engine.pool(), operation, [&](Connection& connection) {
    (few ? publish_few : publish_many)(connection, tree, operation, spool, versions);
  });
}

}  // namespace intarsia
