// SPDX-License-Identifier: Apache-2.0
#include "catalog/column_rows.h"

#include <fmt/format.h>

#include "storage/wire.h"

namespace intarsia {

namespace {

constexpr const char* kInsertColumn =
    "insert into columns (id, since, table_id, name, position, type, value, filling, stored, from_iterator, "
    "primary_key, media_validation, comment, custom_metadata, version_added) "
    "select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
    "coalesce((select max(n) + 1 from versions where table_id = $3), 0)";

void add_json_or_null(SqlParameters& parameters, const std::string& json) {
  if (json.empty())
    parameters.add_null(wire::oid(Type(TypeKind::kJson)));
  else
    parameters.add_jsonb(json);
}

Statement with_ids(const char* sql, std::int64_t id, std::int64_t until) {
  Statement statement{sql};
  statement.parameters.add(id).add(until);
  return statement;
}

}  // namespace

Statement insert_column(const ColumnDef& column, std::int64_t since) {
  Statement statement{kInsertColumn};
  SqlParameters& parameters = statement.parameters;
  parameters.add(column.id).add(since).add(column.table_id).add(std::string_view(column.name));
  parameters.add(static_cast<std::int64_t>(column.position)).add_jsonb(column.type.json());
  add_json_or_null(parameters, column.value.empty() ? "" : column.value.json());
  parameters.add(column.filling).add(column.stored).add(column.from_iterator).add(column.primary_key);
  if (column.media_validation)
    parameters.add(std::string_view(*column.media_validation == MediaValidation::kOnRead ? "on_read" : "on_write"));
  else
    parameters.add_null(wire::oid(Type(TypeKind::kString)));
  parameters.add(std::string_view(column.comment));
  add_json_or_null(parameters, column.custom_metadata);
  return statement;
}

Statement insert_generation(std::int64_t table_id, const Generation& generation, std::int64_t since) {
  Statement statement{
      "insert into generations (id, since, table_id, sql_table, column_ids, state) values ($1, $2, $3, $4, $5, $6)"};
  statement.parameters.add(generation.id)
      .add(since)
      .add(table_id)
      .add(std::string_view(generation.sql_table))
      .add_array(generation.column_ids)
      .add(std::string_view(generation.filling ? "filling" : "live"));
  return statement;
}

Statement end_column(std::int64_t column_id, std::int64_t until) {
  return with_ids("update columns set until = $2 where id = $1 and until is null", column_id, until);
}

Statement end_generation(std::int64_t generation_id, std::int64_t until) {
  return with_ids("update generations set until = $2, state = 'retired' where id = $1 and until is null", generation_id,
                  until);
}

std::vector<Statement> rename_column_rows(std::int64_t column_id, const std::string& name, std::int64_t since) {
  Statement renamed{
      "insert into columns (id, since, table_id, name, position, type, value, filling, stored, from_iterator, "
      "primary_key, media_validation, comment, custom_metadata, version_added) "
      "select id, $2, table_id, $3, position, type, value, filling, stored, from_iterator, "
      "primary_key, media_validation, comment, custom_metadata, version_added from columns "
      "where id = $1 and until is null"};
  renamed.parameters.add(column_id).add(since).add(std::string_view(name));
  return {renamed,
          with_ids("update columns set until = $2 where id = $1 and until is null and since <> $2", column_id, since)};
}

Statement publish_column(std::int64_t column_id, const std::string& name) {
  Statement statement{"update columns set filling = false, name = $2 where id = $1 and until is null"};
  statement.parameters.add(column_id).add(std::string_view(name));
  return statement;
}

Statement publish_generation(std::int64_t generation_id) {
  Statement statement{"update generations set state = 'live' where id = $1 and until is null"};
  statement.parameters.add(generation_id);
  return statement;
}

std::string column_ddl(const ColumnDef& column) {
  std::string ddl = fmt::format(", {} {}", sql_name(column), wire::sql_type(column.type));
  if (has_note(column)) ddl += fmt::format(", {}_note jsonb", sql_name(column));
  return ddl;
}

std::string column_alteration(const std::string& sql_table, const ColumnDef& column) {
  std::string sql =
      fmt::format("alter table {} add column {} {}", sql_table, sql_name(column), wire::sql_type(column.type));
  if (has_note(column)) sql += fmt::format(", add column {}_note jsonb", sql_name(column));
  return sql + note_index_ddl(sql_table, column);
}

std::string note_index_ddl(const std::string& sql_table, const ColumnDef& column) {
  if (!has_note(column)) return {};
  return fmt::format("; create index on {} (row_id) where {}_note is not null", sql_table, sql_name(column));
}

std::string family_ddl(const std::string& sql_table, const ColumnDef& column) {
  return fmt::format("create table {} (row_id bigint primary key, version bigint not null default 0{}){}", sql_table,
                     column_ddl(column), note_index_ddl(sql_table, column));
}

}  // namespace intarsia
