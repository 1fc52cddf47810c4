// SPDX-License-Identifier: Apache-2.0
#include "exec/schema_change.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "catalog/column_rows.h"
#include "catalog/declared_columns.h"
#include "intarsia/error.h"
#include "plan/inline_columns.h"
#include "storage/publish.h"

namespace intarsia {

namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

bool refers_to(const Expr& expr, std::int64_t column_id) {
  bool found = false;
  if (!expr.empty()) visit_columns(expr, [&](std::int64_t id) { found |= id == column_id; });
  return found;
}

const ColumnDef* find_column(const std::vector<const TableDef*>& tables, const std::string& name) {
  for (const TableDef* table : tables)
    for (const ColumnDef& column : table->columns)
      if (column.name == name) return &column;
  return nullptr;
}

/// A publish under the tree's lock, done again when the schema moved before it had the lock, or when a reader kept an
/// SQL table for longer than others should have to wait behind us.
class SchemaChange {
 public:
  SchemaChange(Engine& engine, std::int64_t table_id, const std::string& kind, const std::string& what)
      : engine_(engine),
        table_id_(table_id),
        tree_(engine.trees().newest(table_id)),
        what_(what),
        operation_(new_operation(*engine.connect(), kind, tree_->id, table_id)) {}

  /// What a plan comes to: no statements, nothing to do.
  struct Plan {
    std::string description;
    std::vector<Statement> statements = {};
  };

  /// `plan` throws Error for what cannot be done.
  void run(const std::function<Plan(Connection&)>& plan) {
    while (!publish(plan)) {
      engine_.check_interrupt();
      tree_ = engine_.trees().reload(table_id_);
    }
    engine_.trees().reload(table_id_);  // names that are looked up next are the new ones
  }

  [[nodiscard]] const Tree& tree() const { return *tree_; }
  [[nodiscard]] const TableDef& table() const { return tree_->table(table_id_); }
  [[nodiscard]] std::int64_t operation_id() const { return operation_.id; }
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("{} '{}': {}", what_, table().path, what));
  }
  /// From here on the statements alter an SQL table that readers use: they get out of the way soon, and try again.
  void begin_altering(Connection& connection) {
    connection.run("set local lock_timeout = '50ms'");
    alters_ = true;
  }

  /// A column of the table's own that is no iterator's.
  [[nodiscard]] const ColumnDef& own_column(const std::string& verb, const std::string& name) const {
    const ColumnDef* column = find_column(tree_->with_bases(table_id_), name);
    if (column == nullptr || column->filling) fail(ErrorCode::kColumnNotFound, fmt::format("Unknown column: {}", name));
    if (column->table_id != table_id_)
      fail(ErrorCode::kUnsupportedOperation, fmt::format("Cannot {0} base table column '{1}'; {0} it in '{2}'", verb,
                                                         name, tree_->table(column->table_id).path));
    if (column->from_iterator)
      fail(ErrorCode::kUnsupportedOperation, fmt::format("Cannot {} column '{}' of the view's iterator", verb, name));
    return *column;
  }

 private:
  bool publish(const std::function<Plan(Connection&)>& plan) {
    alters_ = false;
    try {
      retry_publish(engine_.pool(), operation_, [&](Connection& connection) {
        std::vector<Statement> opening = publish_opening(tree_->id);
        opening.push_back(check_schema(tree_->id, tree_->schema_version));
        connection.pipeline(opening);
        auto [description, statements] = plan(connection);
        if (statements.empty()) return connection.run("rollback");
        statements.push_back(next_schema_version(tree_->id));
        for (Statement& statement : publish_closing(operation_, {{table_id_, description, {}}}))
          statements.push_back(std::move(statement));
        connection.pipeline(statements);
      });
      return true;
    } catch (const StaleSchema&) {
      return false;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kConcurrentModification || !alters_ || is_over()) throw;
      std::this_thread::sleep_for(kPause);
      return false;
    }
  }

  [[nodiscard]] bool is_over() const {
    const std::chrono::duration<double> limit(engine_.config().lock_timeout_seconds);
    return limit.count() > 0 && std::chrono::steady_clock::now() - begin_ > limit;
  }

  Engine& engine_;
  std::int64_t table_id_;
  std::shared_ptr<const Tree> tree_;
  std::string what_;
  Operation operation_;
  bool alters_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void check_no_dependents(const SchemaChange& change, const std::string& verb, const ColumnDef& column) {
  if (const std::vector<std::string> names = dependents(change.tree(), column.id); !names.empty())
    change.fail(ErrorCode::kUnsupportedOperation,
                fmt::format("Cannot {} column '{}' because the following columns and views depend on it:\n{}", verb,
                            column.name, fmt::join(names, ", ")));
}

void add_end(const TableDef& table, const ColumnDef& column, std::int64_t until, std::vector<Statement>& statements) {
  statements.push_back(end_column(column.id, until));
  for (const Generation& generation : table.generations)
    if (generation.column_ids == std::vector{column.id}) statements.push_back(end_generation(generation.id, until));
}

class AddStoredColumns {
 public:
  AddStoredColumns(Engine& engine, std::int64_t table_id, const std::vector<ColumnSpec>& specs, IfExists if_exists)
      : specs_(specs),
        if_exists_(if_exists),
        change_(engine, table_id, "add_column", "add columns to"),
        ids_(reserve_ids(*engine.connect(), "object_ids", 2 * static_cast<std::int64_t>(specs.size()))) {}

  void run() {
    change_.run([this](Connection& connection) { return plan(connection); });
  }

 private:
  SchemaChange::Plan plan(Connection& connection) {
    std::vector<Statement> statements;
    const std::vector<ColumnSpec> added = without_existing(statements);
    if (added.empty()) return {};
    const TableDef declared = declare(added);
    require_nullable(connection, declared);
    change_.begin_altering(connection);
    for (const ColumnDef& column : declared.columns) {
      statements.push_back(insert_column(column, change_.operation_id()));
      if (!is_wide(column.type)) connection.run(column_alteration(change_.table().rows_table(), column));
    }
    for (const Generation& generation : declared.generations) {
      connection.run(family_ddl(generation.sql_table, *declared.find_column(generation.column_ids.front())));
      statements.push_back(insert_generation(declared.id, generation, change_.operation_id()));
    }
    std::vector<std::string> names;
    for (const ColumnSpec& spec : added) names.push_back(spec.name);
    return {fmt::format("Added: {}", fmt::join(names, ", ")), std::move(statements)};
  }

  /// Those that are to be added; statements for those that give way.
  std::vector<ColumnSpec> without_existing(std::vector<Statement>& statements) const {
    std::vector<ColumnSpec> added;
    for (const ColumnSpec& spec : specs_) {
      if (spec.primary_key)
        change_.fail(ErrorCode::kUnsupportedOperation,
                     fmt::format("column '{}': a primary key is declared by create_table", spec.name));
      const ColumnDef* existing = find_column(change_.tree().with_bases(change_.table().id), spec.name);
      if (existing == nullptr || !is_kept(*existing, statements)) added.push_back(spec);
    }
    return added;
  }

  bool is_kept(const ColumnDef& existing, std::vector<Statement>& statements) const {
    if (if_exists_ == IfExists::kIgnore) return true;
    if (if_exists_ == IfExists::kError)
      change_.fail(ErrorCode::kColumnAlreadyExists, fmt::format("Duplicate column name: {}", existing.name));
    const ColumnDef& replaced = change_.own_column("replace", existing.name);
    check_no_dependents(change_, "replace", replaced);
    if (replaced.primary_key)
      change_.fail(ErrorCode::kUnsupportedOperation,
                   fmt::format("Cannot replace column '{}': it is in the primary key", replaced.name));
    add_end(change_.table(), replaced, change_.operation_id(), statements);
    return false;
  }

  /// A table of the new columns alone.
  TableDef declare(const std::vector<ColumnSpec>& added) const {
    const TableDef& table = change_.table();
    TableDef declared;
    declared.id = table.id;
    declared.base_id = table.base_id;
    declared.name = table.name;
    declared.path = table.path;
    declared.rows_table_name = declared.rows_table();
    const std::string described = fmt::format("add columns to '{}'", table.path);
    ColumnScope scope(described);
    declare_columns(described, added, scope, declared, ids_);
    int position = -1;
    for (const ColumnDef& column : table.columns) position = std::max(position, column.position);
    for (ColumnDef& column : declared.columns) column.position = ++position;
    return declared;
  }

  void require_nullable(Connection& connection, const TableDef& declared) const {
    const auto required = std::find_if(declared.columns.begin(), declared.columns.end(),
                                       [](const ColumnDef& column) { return !column.type.nullable(); });
    if (required == declared.columns.end()) return;
    const std::string rows = change_.table().rows_table();
    if (connection.query(fmt::format("select 1 from {} limit 1", rows)).size() > 0)
      change_.fail(ErrorCode::kUnsupportedOperation,
                   fmt::format("Cannot add non-nullable column '{}' to a table with existing rows; make it {}",
                               required->name, required->type.as_nullable().text()));
  }

  const std::vector<ColumnSpec>& specs_;
  IfExists if_exists_;
  SchemaChange change_;
  std::vector<std::int64_t> ids_;
};

}  // namespace

std::vector<std::string> dependents(const Tree& tree, std::int64_t column_id) {
  std::vector<std::string> names;
  for (const auto& [id, table] : tree.tables) {
    if (refers_to(table.iterator, column_id) || refers_to(table.predicate, column_id)) names.push_back(table.path);
    for (const ColumnDef& column : table.columns)
      if (refers_to(column.value, column_id)) names.push_back(table.path + "." + column.name);
  }
  return names;
}

void add_stored_columns(Engine& engine, std::int64_t table_id, const std::vector<ColumnSpec>& specs,
                        IfExists if_exists) {
  AddStoredColumns(engine, table_id, specs, if_exists).run();
}

void drop_column(Engine& engine, std::int64_t table_id, const std::string& name, IfNotExists if_not_exists) {
  SchemaChange change(engine, table_id, "drop_column", "drop column of");
  change.run([&](Connection&) {
    SchemaChange::Plan plan{"Dropped: " + name};
    if (if_not_exists == IfNotExists::kIgnore && find_column(change.tree().with_bases(table_id), name) == nullptr)
      return plan;
    const ColumnDef& column = change.own_column("drop", name);
    check_no_dependents(change, "drop", column);
    if (column.primary_key)
      change.fail(ErrorCode::kUnsupportedOperation,
                  fmt::format("Cannot drop column '{}': it is in the primary key", name));
    add_end(change.table(), column, change.operation_id(), plan.statements);
    return plan;
  });
}

void rename_column(Engine& engine, std::int64_t table_id, const std::string& name, const std::string& new_name) {
  SchemaChange change(engine, table_id, "rename_column", "rename column of");
  change.run([&](Connection&) {
    const ColumnDef& column = change.own_column("rename", name);
    if (new_name == name) return SchemaChange::Plan();
    for (const auto& [id, table] : change.tree().tables) {
      const std::vector<const TableDef*> chain = change.tree().with_bases(id);
      const bool sees_it =
          std::any_of(chain.begin(), chain.end(), [&](const TableDef* t) { return t->id == table_id; });
      if (sees_it && find_column(chain, new_name) != nullptr)
        change.fail(ErrorCode::kColumnAlreadyExists,
                    fmt::format("'{}' has a column '{}' already", table.path, new_name));
    }
    return SchemaChange::Plan{fmt::format("Altered: {} (renamed to {})", name, new_name),
                              rename_column_rows(column.id, new_name, change.operation_id())};
  });
}

}  // namespace intarsia
