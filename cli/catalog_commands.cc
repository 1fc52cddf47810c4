// SPDX-License-Identifier: Apache-2.0
// ls, describe, history, drop: what the instance holds.
#include <fmt/format.h>

#include "command.h"

namespace intarsia::cli {
namespace {

using Body = std::function<void(Session&)>;

template <typename T>
std::shared_ptr<T> argument() {
  return std::make_shared<T>();
}

Body declare_ls(CLI::App& parser) {
  const auto path = argument<std::string>();
  const auto recursive = argument<bool>();
  parser.add_option("path", *path, "directory (default: the root)");
  parser.add_flag("-r,--recursive", *recursive, "also what lies in its directories");
  return [path, recursive](Session& session) {
    Listing listing{{"path", "kind", "version", "base"}, {}, "no tables here"};
    for (const DirectoryEntry& entry : session.database().list(*path, *recursive)) {
      const Cell version = entry.version < 0 ? Cell(Value()) : Cell(entry.version);
      listing.rows.push_back({entry.path, entry.kind, version, entry.base});
    }
    session.show(listing);
  };
}

std::string source_of(const ColumnInfo& column, const Table& table) {
  if (!column.value.empty()) return column.value.text();
  if (column.from_iterator && column.table_id == table.id()) return "(iterator)";
  return {};
}

Record summary_of(const Table& table) {
  const TableInfo info = table.info();
  const auto base = table.base();
  return {{{"path", info.path},
           {"kind", info.kind},
           {"version", table.version()},
           {"base", base ? base->path() : ""},
           {"iterator", info.iterator},
           {"where", info.predicate},
           {"comment", info.comment}}};
}

Body declare_describe(CLI::App& parser) {
  const auto path = argument<std::string>();
  parser.add_option("table", *path, "table or view")->required();
  return [path](Session& session) {
    const Table table = session.database().get_table(*path);
    Listing columns{{"column", "type", "computed as", "key", "stored", "defined in", "comment"}, {}, "no columns"};
    for (const ColumnInfo& column : table.columns()) {
      columns.rows.push_back({column.name, column.type.text(), source_of(column, table), column.primary_key,
                              column.stored, column.defined_in, column.comment});
    }
    session.show(summary_of(table), "columns", columns);
  };
}

Body declare_history(CLI::App& parser) {
  const auto path = argument<std::string>();
  const auto newest = argument<std::int64_t>();
  parser.add_option("table", *path, "table or view")->required();
  CLI::Option* limit =
      parser.add_option("-n", *newest, "only so many versions, newest first")->check(CLI::PositiveNumber);
  return [path, newest, limit](Session& session) {
    Listing listing{
        {"version", "at (UTC)", "user", "change", "inserted", "updated", "deleted", "errors"}, {}, "no versions"};
    const auto count = limit->count() > 0 ? std::optional(*newest) : std::nullopt;
    for (const VersionInfo& version : session.database().get_table(*path).history(count)) {
      const RowCounts& counts = version.counts;
      const std::string change =
          version.description.empty() ? (version.schema_change ? "schema" : "data") : version.description;
      listing.rows.push_back({version.version, timestamp_cell(version.created_at), version.user, change,
                              counts.inserted, counts.updated, counts.deleted, counts.errors});
    }
    session.show(listing);
  };
}

Body declare_drop(CLI::App& parser) {
  const auto path = argument<std::string>();
  const auto force = argument<bool>();
  parser.add_option("path", *path, "table, view or directory")->required();
  parser.add_flag("--force", *force, "also the views on it, or all that the directory holds");
  return [path, force](Session& session) {
    Database& database = session.database();
    const bool is_table = database.find_table(*path).has_value();
    if (is_table)
      database.drop_table(*path, *force);
    else
      database.drop_directory(*path, *force);
    session.show(Record{{{"dropped", *path}, {"kind", is_table ? "table" : "dir"}}});
  };
}

constexpr Command kCommands[] = {
    {"ls", "list directories, tables and views", declare_ls},
    {"describe", "show a table's columns and where it comes from", declare_describe},
    {"history", "show a table's versions", declare_history},
    {"drop", "drop a table, a view or a directory", declare_drop},
};

}  // namespace

std::span<const Command> catalog_commands() {
  return kCommands;
}

}  // namespace intarsia::cli
