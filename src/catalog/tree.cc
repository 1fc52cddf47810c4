// SPDX-License-Identifier: Apache-2.0
#include "catalog/tree.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "expr/node.h"
#include "intarsia/error.h"

namespace intarsia {

namespace {

using nlohmann::json;

// The whole tree in one statement and one round trip.
constexpr const char* kLoadTree = R"sql(
select json_build_object(
  'schema_version', t.schema_version,
  'tables', (select coalesce(json_agg(to_jsonb(x) || jsonb_build_object('directory', directory_path(x.directory_id))), '[]')
             from tables x where x.tree_id = t.id and x.until is null),
  'columns', (select coalesce(json_agg(c order by c.position), '[]') from columns c
              where c.until is null and c.table_id in (select id from tables where tree_id = t.id and until is null)),
  'generations', (select coalesce(json_agg(g order by g.id), '[]') from generations g
                  where g.until is null and g.state <> 'retired'
                    and g.table_id in (select id from tables where tree_id = t.id and until is null)))::text
from trees t where t.id = $1)sql";

std::string text_or_empty(const json& object, const char* key) {
  const json& field = object.at(key);
  return field.is_null() ? "" : field.is_string() ? field.get<std::string>() : field.dump();
}

Expr expr_or_empty(const json& object, const char* key) {
  const json& field = object.at(key);
  return field.is_null() ? Expr() : Expr::from_json(field.dump());
}

MediaValidation parse_validation(const std::string& text) {
  return text == "on_read" ? MediaValidation::kOnRead : MediaValidation::kOnWrite;
}

ColumnDef read_column(const json& row, const TableDef& table) {
  ColumnDef column;
  column.id = row.at("id");
  column.table_id = table.id;
  column.name = row.at("name");
  column.position = row.at("position");
  column.type = Type::from_json(row.at("type").dump());
  column.value = expr_or_empty(row, "value");
  column.filling = row.at("filling");
  column.stored = row.at("stored");
  column.from_iterator = row.at("from_iterator");
  column.primary_key = row.at("primary_key");
  column.comment = row.at("comment");
  column.custom_metadata = text_or_empty(row, "custom_metadata");
  column.version_added = row.at("version_added");
  column.defined_in = table.name;
  if (const std::string validation = text_or_empty(row, "media_validation"); !validation.empty())
    column.media_validation = parse_validation(validation);
  return column;
}

TableDef read_table(const json& row) {
  TableDef table;
  table.id = row.at("id");
  table.tree_id = row.at("tree_id");
  table.directory_id = row.at("directory_id");
  table.base_id = row.at("base_id").is_null() ? 0 : row.at("base_id").get<std::int64_t>();
  table.uuid = row.at("uuid");
  table.name = row.at("name");
  const std::string directory = row.at("directory");
  table.path = directory.empty() ? table.name : directory + "/" + table.name;
  table.kind = row.at("kind");
  table.filling = row.at("filling");
  table.iterator = expr_or_empty(row, "iterator");
  table.predicate = expr_or_empty(row, "predicate");
  table.media_validation = parse_validation(row.at("media_validation"));
  table.comment = row.at("comment");
  table.custom_metadata = text_or_empty(row, "custom_metadata");
  table.rows_table_name = table.rows_table();
  return table;
}

/// Columns by the names that they have now: expressions keep those of the time when they were written.
class CurrentNames {
 public:
  explicit CurrentNames(Tree& tree) : tree_(tree) {
    for (const auto& [id, table] : tree.tables)
      for (const ColumnDef& column : table.columns) names_[column.id] = &column.name;
  }

  void apply() {
    for (auto& [id, table] : tree_.tables) {
      renew(table.iterator);
      renew(table.predicate);
      for (ColumnDef& column : table.columns) renew(column.value);
    }
  }

 private:
  void renew(Expr& expr) const {
    bool is_old = false;
    if (!expr.empty()) visit_expr(expr, [&](const Expr& part) { is_old |= new_name(part) != nullptr; });
    if (is_old) expr = renewed(expr);
  }

  [[nodiscard]] const std::string* new_name(const Expr& expr) const {
    if (expr.kind() != Expr::Kind::kColumn) return nullptr;
    const auto found = names_.find(expr.column_id());
    return found == names_.end() || *found->second == expr.name() ? nullptr : found->second;
  }

  [[nodiscard]] Expr renewed(const Expr& expr) const {
    if (const std::string* name = new_name(expr))
      return Expr::column(expr.table_id(), expr.column_id(), *name, expr.type());
    if (expr.kind() != Expr::Kind::kCall) return expr;
    ExprNode node{Expr::Kind::kCall, expr.type(), {}, 0, 0, expr.name(), {}};
    for (const Expr& arg : expr.args()) node.args.push_back(renewed(arg));
    return ExprNode::make(std::move(node));
  }

  Tree& tree_;
  std::map<std::int64_t, const std::string*> names_;
};

}  // namespace

const std::string& TableDef::sql_table_of(std::int64_t column_id) const {
  for (const Generation& generation : generations)
    for (const std::int64_t id : generation.column_ids)
      if (id == column_id) return generation.sql_table;
  return rows_table_name;
}

const ColumnDef* TableDef::find_column(std::int64_t column_id) const {
  for (const ColumnDef& column : columns)
    if (column.id == column_id) return &column;
  return nullptr;
}

std::string sql_name(const ColumnDef& column) {
  return is_position(column) ? "pos" : fmt::format("c{}", column.id);
}

bool is_position(const ColumnDef& column) {
  return column.from_iterator && column.position == 0;
}

bool has_note(const ColumnDef& column) {
  return column.stored && (!column.value.empty() || column.type.is_media());
}

bool is_wide(const Type& type) {
  return type.kind() == TypeKind::kArray || type.kind() == TypeKind::kBinary;
}

const TableDef& Tree::table(std::int64_t table_id) const {
  const auto found = tables.find(table_id);
  if (found == tables.end()) throw Error(ErrorCode::kTableNotFound, "this table was dropped");
  return found->second;
}

std::vector<const TableDef*> Tree::with_bases(std::int64_t table_id) const {
  std::vector<const TableDef*> chain;
  for (std::int64_t id = table_id; id != 0; id = chain.back()->base_id) chain.push_back(&table(id));
  return chain;
}

std::vector<const TableDef*> Tree::views_of(std::int64_t table_id) const {
  std::vector<const TableDef*> views;
  for (const auto& [id, table] : tables)
    if (table.base_id == table_id) views.push_back(&table);
  return views;
}

std::vector<const ColumnDef*> Tree::columns_of(std::int64_t table_id) const {
  std::vector<const ColumnDef*> columns;
  for (const TableDef* table : with_bases(table_id))
    for (const ColumnDef& column : table->columns) {
      const bool shadowed =
          std::any_of(columns.begin(), columns.end(), [&](auto* c) { return c->name == column.name; });
      if (!column.filling && !shadowed) columns.push_back(&column);
    }
  return columns;
}

const ColumnDef* Tree::find_column(std::int64_t table_id, std::int64_t column_id) const {
  const auto found = tables.find(table_id);
  return found == tables.end() ? nullptr : found->second.find_column(column_id);
}

Expr Tree::column_expr(const ColumnDef& column) const {
  return Expr::column(column.table_id, column.id, column.name, column.type);
}

std::shared_ptr<const Tree> load_tree(Connection& connection, std::int64_t tree_id) {
  SqlParameters parameters;
  parameters.add(tree_id);
  const SqlRows rows = connection.query(kLoadTree, parameters);
  if (rows.size() == 0) return nullptr;
  const json document = json::parse(rows.bytes(0, 0));
  auto tree = std::make_shared<Tree>();
  tree->id = tree_id;
  tree->schema_version = document.at("schema_version");
  for (const json& row : document.at("tables")) {
    TableDef table = read_table(row);
    tree->tables.emplace(table.id, std::move(table));
  }
  for (const json& row : document.at("columns")) {
    TableDef& table = tree->tables.at(row.at("table_id"));
    table.columns.push_back(read_column(row, table));
  }
  for (const json& row : document.at("generations")) {
    Generation generation{row.at("id"), row.at("sql_table"), row.at("column_ids"), row.at("state") == "filling"};
    tree->tables.at(row.at("table_id")).generations.push_back(std::move(generation));
  }
  CurrentNames(*tree).apply();
  return tree;
}

}  // namespace intarsia
