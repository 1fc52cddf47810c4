// SPDX-License-Identifier: Apache-2.0
// What tells of a table. What changes one is in table.cc.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/history.h"
#include "exec/engine.h"
#include "intarsia/table.h"

namespace intarsia {

namespace {

/// The newest tree of a table, with the table in it.
struct Newest {
  Newest(Engine& engine, std::int64_t id) : tree(engine.trees().newest(id)), table(tree->table(id)) {}
  std::shared_ptr<const Tree> tree;
  const TableDef& table;
};

const ColumnDef* find_by_name(const Tree& tree, std::int64_t table_id, std::string_view name) {
  for (const ColumnDef* column : tree.columns_of(table_id))
    if (column->name == name) return column;
  return nullptr;
}

[[noreturn]] void fail_unknown(const Tree& tree, std::int64_t table_id, std::string_view name) {
  std::vector<std::string> names;
  for (const ColumnDef* column : tree.columns_of(table_id)) names.push_back(column->name);
  throw Error(ErrorCode::kColumnNotFound, fmt::format("'{}' has no column '{}'; its columns are {}",
                                                      tree.table(table_id).path, name, fmt::join(names, ", ")));
}

void collect_views(const Tree& tree, std::int64_t table_id, bool recursive, std::vector<std::int64_t>& ids) {
  for (const TableDef* view : tree.views_of(table_id)) {
    if (!view->filling) ids.push_back(view->id);
    if (recursive) collect_views(tree, view->id, true, ids);
  }
}

std::string text_of(const Expr& expr) {
  return expr.empty() ? "" : expr.text();
}

}  // namespace

Table::Table(std::shared_ptr<Engine> engine, std::int64_t id) : engine_(std::move(engine)), id_(id) {}

TableInfo Table::info() const {
  const Newest newest(*engine_, id_);
  const TableDef& table = newest.table;
  TableInfo info{table.id,
                 table.uuid,
                 table.name,
                 table.path,
                 table.kind,
                 table.comment,
                 table.custom_metadata,
                 table.media_validation,
                 table.base_id,
                 text_of(table.iterator),
                 text_of(table.predicate),
                 {}};
  for (const ColumnDef* column : newest.tree->columns_of(id_)) info.columns.push_back(*column);
  return info;
}

std::optional<Table> Table::base() const {
  const std::int64_t base_id = Newest(*engine_, id_).table.base_id;
  if (base_id == 0) return std::nullopt;
  return Table(engine_, base_id);
}

std::vector<Table> Table::views(bool recursive) const {
  std::vector<std::int64_t> ids;
  collect_views(*Newest(*engine_, id_).tree, id_, recursive, ids);
  std::vector<Table> views;
  for (const std::int64_t id : ids) views.emplace_back(engine_, id);
  return views;
}

std::int64_t Table::version() const {
  const Newest newest(*engine_, id_);
  return read_version(*engine_->connect(), id_);
}

std::vector<VersionInfo> Table::history(std::optional<std::int64_t> newest) const {
  const Newest checked(*engine_, id_);
  return read_history(*engine_->connect(), id_, newest);
}

Expr Table::operator[](std::string_view column) const {
  std::shared_ptr<const Tree> tree = engine_->trees().of_table(id_);
  const ColumnDef* found = find_by_name(*tree, id_, column);
  if (found == nullptr) {
    tree = engine_->trees().newest(id_);
    found = find_by_name(*tree, id_, column);
  }
  if (found == nullptr) fail_unknown(*tree, id_, column);
  return tree->column_expr(*found);
}

}  // namespace intarsia
