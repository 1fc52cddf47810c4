// SPDX-License-Identifier: Apache-2.0
#include "catalog/table_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/column_rows.h"
#include "storage/wire.h"

namespace intarsia {

namespace {

constexpr const char* kInsertTable =
    "insert into tables (id, since, tree_id, directory_id, base_id, uuid, name, kind, filling, iterator, predicate, "
    "media_validation, comment, custom_metadata) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

// Vacuum comes often: it takes little each time, and index-only scans need its visibility map.
constexpr const char* kAutovacuum =
    "with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1)";

void add_json_or_null(SqlParameters& parameters, const std::string& json) {
  if (json.empty())
    parameters.add_null(wire::oid(Type(TypeKind::kJson)));
  else
    parameters.add_jsonb(json);
}

std::string json_of(const Expr& expr) {
  return expr.empty() ? "" : expr.json();
}

Statement insert_row(const TableDef& table, std::int64_t since) {
  Statement statement{kInsertTable};
  SqlParameters& parameters = statement.parameters;
  parameters.add(table.id).add(since).add(table.tree_id).add(table.directory_id);
  if (table.base_id == 0)
    parameters.add_null(wire::oid(Type(TypeKind::kInt)));
  else
    parameters.add(table.base_id);
  parameters.add(Type(TypeKind::kUuid), Value(Uuid::parse(table.uuid)));
  parameters.add(std::string_view(table.name)).add(std::string_view(table.kind)).add(table.filling);
  add_json_or_null(parameters, json_of(table.iterator));
  add_json_or_null(parameters, json_of(table.predicate));
  const bool on_read = table.media_validation == MediaValidation::kOnRead;
  parameters.add(std::string_view(on_read ? "on_read" : "on_write")).add(std::string_view(table.comment));
  add_json_or_null(parameters, table.custom_metadata);
  return statement;
}

std::string key_ddl(const TableDef& table) {
  std::vector<std::string> names;
  for (const ColumnDef& column : table.columns)
    if (column.primary_key) names.push_back(sql_name(column));
  if (names.empty()) return {};
  return fmt::format("; create unique index on {} ({})", table.rows_table(), fmt::join(names, ", "));
}

}  // namespace

std::string rows_ddl(const TableDef& table) {
  const std::string rows = table.rows_table();
  std::string columns = "row_id bigint primary key, version bigint not null", note_indexes;
  if (table.has_iterator()) columns += ", parent_id bigint not null, pos bigint not null, unique (parent_id, pos)";
  for (const ColumnDef& column : table.columns) {
    const bool in_rows = column.stored && !is_position(column) && table.sql_table_of(column.id) == rows;
    if (!in_rows) continue;
    columns += column_ddl(column);
    note_indexes += note_index_ddl(rows, column);
  }
  return fmt::format("create table {0} ({1}) {2}; create index on {0} (version){3}{4}", rows, columns, kAutovacuum,
                     key_ddl(table), note_indexes);
}

void insert_tree(Connection& connection, std::int64_t tree_id) {
  SqlParameters parameters;
  parameters.add(tree_id);
  connection.query("insert into trees (id, schema_version) values ($1, 1)", parameters);
  connection.run(fmt::format("create view lock_{} as select 1 as one", tree_id));
}

void insert_table(Connection& connection, const TableDef& table, std::int64_t since) {
  std::string ddl = rows_ddl(table);
  std::vector<Statement> rows{insert_row(table, since)};
  for (const ColumnDef& column : table.columns) rows.push_back(insert_column(column, since));
  for (const Generation& generation : table.generations) {
    ddl += "; " + family_ddl(generation.sql_table, *table.find_column(generation.column_ids.front()));
    rows.push_back(insert_generation(table.id, generation, since));
  }
  connection.run(ddl);
  connection.pipeline(rows);
}

std::vector<Statement> end_tables(std::span<const std::int64_t> table_ids, std::int64_t until) {
  std::vector<Statement> statements{
      {"update trees set schema_version = schema_version + 1 "
       "where id in (select tree_id from tables where id = any($1) and until is null)"}};
  statements[0].parameters.add_array(table_ids);
  for (const char* sql :
       {"update columns set until = $2 where table_id = any($1) and until is null",
        "update generations set until = $2, state = 'retired' where table_id = any($1) and until is null",
        "update tables set until = $2 where id = any($1) and until is null"})
    statements.push_back({sql, SqlParameters().add_array(table_ids).add(until)});
  return statements;
}

}  // namespace intarsia
