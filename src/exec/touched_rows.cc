// SPDX-License-Identifier: Apache-2.0
#include "exec/touched_rows.h"

#include <fmt/format.h>

#include "storage/publish.h"

namespace intarsia {

namespace {

/// Rows of $1 with an entry of one of the operations $2, in a table or its bases.
std::string changed_rows(const Tree& tree, std::int64_t table_id) {
  const std::vector<const TableDef*> chain = tree.with_bases(table_id);
  std::string from = chain[0]->rows_table() + " t0";
  std::string changed = "t0.version = any($2)";
  for (std::size_t depth = 0; depth < chain.size(); ++depth) {
    if (depth > 0) {
      from += fmt::format(" join {0} t{1} on t{1}.row_id = t{2}.{3}", chain[depth]->rows_table(), depth, depth - 1,
                          chain[depth - 1]->has_iterator() ? "parent_id" : "row_id");
      changed += fmt::format(" or t{}.version = any($2)", depth);
    }
    for (const Generation& generation : chain[depth]->generations) {
      from +=
          fmt::format(" left join {0} f{1} on f{1}.row_id = t{2}.row_id", generation.sql_table, generation.id, depth);
      changed += fmt::format(" or f{}.version = any($2)", generation.id);
    }
  }
  return fmt::format("select t0.row_id from {} where t0.row_id = any($1) and ({})", from, changed);
}

}  // namespace

std::set<std::int64_t> touched_rows(Connection& connection, const Tree& tree, std::int64_t table_id,
                                    std::span<const std::int64_t> ids, std::int64_t since) {
  const Statement changes = changes_since(tree.id, since);
  const SqlRows operations = connection.query(changes.sql, changes.parameters);
  if (operations.size() == 0) return {};
  SqlParameters parameters;
  parameters.add_array(ids).add_array(reserved_ids(operations));
  const SqlRows rows = connection.query(
      fmt::format(
          "select i from unnest($1::bigint[]) i where not exists (select from {} x where x.row_id = i) union {}",
          tree.table(table_id).rows_table(), changed_rows(tree, table_id)),
      parameters);
  std::set<std::int64_t> touched;
  for (int row = 0; row < rows.size(); ++row) touched.insert(rows.int_at(row, 0));
  return touched;
}

}  // namespace intarsia
