// SPDX-License-Identifier: Apache-2.0
// rows, count, errors: what a table holds.
#include <fmt/format.h>

#include <algorithm>

#include "command.h"

namespace intarsia::cli {
namespace {

using Body = std::function<void(Session&)>;

struct RowOptions {
  std::string path;
  std::vector<std::string> columns;
  std::int64_t limit = 20;
  std::int64_t offset = 0;
  bool last = false;
};

/// The columns asked for, else all that need no decoding.
std::vector<NamedExpr> selection(const Table& table, const std::vector<std::string>& wanted) {
  std::vector<NamedExpr> items;
  for (const std::string& name : wanted) items.emplace_back(name, table[name]);
  if (!items.empty()) return items;
  for (const ColumnInfo& column : table.columns()) {
    if (column.stored) items.emplace_back(column.name, table[column.name]);
  }
  return items;
}

void show_rows(Session& session, const RowOptions& options) {
  const Table table = session.database().get_table(options.path);
  const Query query = table.query().select(selection(table, options.columns));
  const ResultSet result =
      options.last ? query.tail(options.limit) : query.limit(options.limit, options.offset).collect();
  Listing listing{result.names(), {}, "no rows"};
  for (const Batch& batch : result.batches()) {
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      std::vector<Cell>& cells = listing.rows.emplace_back();
      for (const Column& column : batch.columns()) cells.emplace_back(column.value_at(row));
    }
  }
  session.show(listing);
}

Body declare_rows(CLI::App& parser) {
  const auto options = std::make_shared<RowOptions>();
  parser.add_option("table", options->path, "table or view")->required();
  parser.add_option("-n", options->limit, "how many rows (20)")->check(CLI::NonNegativeNumber);
  CLI::Option* offset =
      parser.add_option("--offset", options->offset, "skip so many first")->check(CLI::NonNegativeNumber);
  parser.add_option("--columns", options->columns, "a,b: only these; frames are decoded only when named")
      ->delimiter(',');
  parser.add_flag("--last", options->last, "the last rows instead of the first")->excludes(offset);
  return [options](Session& session) { show_rows(session, *options); };
}

Body declare_count(CLI::App& parser) {
  const auto path = std::make_shared<std::string>();
  parser.add_option("table", *path, "table or view")->required();
  return [path](Session& session) {
    const std::int64_t rows = session.database().get_table(*path).query().count();
    if (session.as_json)
      session.show(Record{{{"rows", rows}}});
    else
      session.show(std::to_string(rows));
  };
}

Body declare_errors(CLI::App& parser) {
  const auto path = std::make_shared<std::string>();
  const auto limit = std::make_shared<std::int64_t>(20);
  parser.add_option("table", *path, "table or view")->required();
  parser.add_option("-n", *limit, "how many cells (20)")->check(CLI::PositiveNumber);
  return [path, limit](Session& session) {
    Listing listing{{"row", "column", "error", "message"}, {}, "no cell has an error"};
    Database& database = session.database();
    for (const ColumnErrors& cell : database.errors(database.get_table(*path), *limit)) {
      listing.rows.push_back({cell.row_id, cell.column, cell.error.type, cell.error.message});
    }
    session.show(listing);
  };
}

constexpr Command kCommands[] = {
    {"rows", "show rows of a table", declare_rows},
    {"count", "count a table's rows", declare_count},
    {"errors", "show the cells that have an error, and why", declare_errors},
};

}  // namespace

std::span<const Command> row_commands() {
  return kCommands;
}

}  // namespace intarsia::cli
