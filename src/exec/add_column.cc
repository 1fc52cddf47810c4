// SPDX-License-Identifier: Apache-2.0
#include "exec/add_column.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "catalog/column_rows.h"
#include "exec/column_computation.h"
#include "exec/fill.h"
#include "exec/operation_files.h"
#include "exec/read_rows.h"
#include "exec/schema_change.h"
#include "intarsia/function.h"
#include "plan/inline_columns.h"
#include "storage/row_writer.h"

namespace intarsia {

namespace {

constexpr std::int64_t kMostRowsInPlace = 10'000;
constexpr int kMostAttemptsInPlace = 5;

class AddColumn {
 public:
  AddColumn(Engine& engine, std::int64_t table_id, const ColumnSpec& spec, OnError on_error)
      : engine_(engine), table_id_(table_id), spec_(spec), on_error_(on_error) {}

  UpdateStatus run(IfExists if_exists) {
    tree_ = engine_.trees().newest(table_id_);
    check_name();
    if (const ColumnDef* existing = find(spec_.name)) {
      if (existing->filling) return resume(*existing);
      if (if_exists == IfExists::kIgnore) return {};
      check_replaceable(*existing, if_exists);
      replaced_ = existing->id;
    }
    check_value();
    define();
    if (!def_.stored) return register_unstored();
    if (!is_wide(def_.type) && replaced_ == 0 && is_small() && added_in_place()) return status_;
    register_family();
    return fill_column(engine_, table_id_, def_.id, spec_.name, on_error_, end_of_replaced());
  }

 private:
  [[nodiscard]] const TableDef& table() const { return tree_->table(table_id_); }
  [[nodiscard]] std::string described() const {
    return fmt::format("add column '{}' to '{}'", spec_.name, table().path);
  }
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("{}: {}", described(), what));
  }

  /// A column of the table or its bases, one that is being filled too.
  [[nodiscard]] const ColumnDef* find(const std::string& name) const {
    for (const TableDef* owner : tree_->with_bases(table_id_))
      for (const ColumnDef& column : owner->columns)
        if (column.name == name) return &column;
    return nullptr;
  }

  void check_name() const {
    const std::string& name = spec_.name;
    const bool identifier =
        !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c >= 0x80; });
    if (!identifier || name.starts_with("_"))
      fail(ErrorCode::kInvalidColumnName,
           "invalid column name: it must be letters, digits and underscores, and begin with a letter");
  }

  void check_replaceable(const ColumnDef& existing, IfExists if_exists) const {
    if (if_exists == IfExists::kError)
      fail(ErrorCode::kColumnAlreadyExists, fmt::format("duplicate column name: '{}' is a column of '{}'", spec_.name,
                                                        tree_->table(existing.table_id).path));
    if (existing.table_id != table_id_ || existing.value.empty())
      fail(ErrorCode::kUnsupportedOperation, "only a computed column of the table itself can be replaced");
    if (const std::vector<std::string> names = dependents(*tree_, existing.id); !names.empty())
      fail(ErrorCode::kConstraintViolation,
           fmt::format("the column cannot be replaced because others depend on it: {}", fmt::join(names, ", ")));
  }

  void check_value() const {
    if (spec_.value.empty()) fail(ErrorCode::kInvalidSchema, "it needs an expression");
    const std::vector<const TableDef*> owners = tree_->with_bases(table_id_);
    visit_expr_columns(spec_.value, [&](const Expr& column) {
      const bool known = std::any_of(owners.begin(), owners.end(), [&](const TableDef* owner) {
        const ColumnDef* found = owner->find_column(column.column_id());
        return found != nullptr && !found->filling;
      });
      if (!known)
        fail(ErrorCode::kInvalidExpression,
             fmt::format("{} uses column '{}', which is not of this table", spec_.value.text(), column.name()));
    });
    check_functions(spec_.value);
  }

  template <typename Visit>
  static void visit_expr_columns(const Expr& expr, const Visit& visit) {
    if (expr.kind() == Expr::Kind::kColumn) visit(expr);
    for (const Expr& arg : expr.args()) visit_expr_columns(arg, visit);
  }

  void check_functions(const Expr& expr) const {
    if (expr.kind() == Expr::Kind::kCall) {
      const Function* function = find_function(expr.name());
      if (function == nullptr)
        fail(ErrorCode::kFunctionNotFound, fmt::format("function '{}' is not there", expr.name()));
      if (!function->kernel)
        fail(ErrorCode::kInvalidExpression,
             fmt::format("{} is no value of a row: aggregates and iterators cannot be computed columns", expr.text()));
    }
    for (const Expr& arg : expr.args()) check_functions(arg);
  }

  void define() {
    const Pool::Lease connection = engine_.connect();
    const std::vector<std::int64_t> ids = reserve_ids(*connection, "object_ids", 2);
    operation_ = new_operation(*connection, "add_column", tree_->id, table_id_);
    def_.id = ids[0];
    operation_.activity = std::make_shared<Activity>(engine_.pool(), described());
    generation_ = {ids[1], fmt::format("fam_{}_{}", table_id_, ids[1]), {ids[0]}, true};
    def_.table_id = table_id_;
    def_.name = replaced_ == 0 ? spec_.name : fmt::format("{} (filling {})", spec_.name, def_.id);
    def_.type = spec_.value.type();
    def_.value = spec_.value;
    def_.stored = spec_.stored.value_or(true);
    def_.media_validation = spec_.media_validation;
    def_.comment = spec_.comment;
    def_.custom_metadata = spec_.custom_metadata;
    for (const ColumnDef& column : table().columns) def_.position = std::max(def_.position, column.position + 1);
  }

  [[nodiscard]] bool is_small() const {
    return count_rows(*engine_.connect(), table(), kMostRowsInPlace + 1) <= kMostRowsInPlace;
  }

  [[nodiscard]] std::vector<Statement> end_of_replaced() const {
    if (replaced_ == 0) return {};
    return {end_column(replaced_, operation_.id)};
  }

  /// Runs `changes` under the tree's lock. False: the schema, or the rows, are not what was computed for.
  template <typename Changes>
  bool publish(const NewVersion* version, const Changes& changes) {
    bool current = true;
    engine_.media_store().make_durable(operation_.id);
    retry_publish(engine_.pool(), operation_, [&](Connection& connection) {
      current = true;
      std::vector<Statement> opening = publish_opening(tree_->id);
      opening.push_back(check_schema(tree_->id, tree_->schema_version));
      if (seen_ >= 0) opening.push_back(check_untouched(tree_->id, seen_));
      try {
        connection.pipeline(opening);
        changes(connection);
        std::vector<Statement> closing{next_schema_version(tree_->id)};
        for (Statement& statement :
             publish_closing(operation_, version == nullptr ? std::vector<NewVersion>() : std::vector{*version}))
          closing.push_back(std::move(statement));
        connection.pipeline(closing);
      } catch (const StaleSchema&) {
        connection.end_transaction();
        current = false;
      } catch (const RowsTouched&) {
        connection.end_transaction();
        current = false;
      }
    });
    if (!current) {
      tree_ = engine_.trees().reload(table_id_);
      if (replaced_ == 0 && find(spec_.name) != nullptr) check_replaceable(*find(spec_.name), IfExists::kError);
      check_value();
    }
    return current;
  }

  UpdateStatus register_unstored() {
    const NewVersion version{table_id_, "Added: " + spec_.name, {}};
    def_.name = spec_.name;
    while (!publish(&version, [&](Connection& connection) {
      std::vector<Statement> statements = end_of_replaced();
      statements.push_back(insert_column(def_, operation_.id));
      connection.pipeline(statements);
    })) {
    }
    return {};
  }

  /// False: nothing of it is there.
  bool added_in_place() {
    try {
      for (int attempt = 0; attempt < kMostAttemptsInPlace; ++attempt)
        if (add_in_place()) return true;
    } catch (...) {
      remove_files_of_failed(engine_, *tree_, operation_);
      throw;
    }
    engine_.media_store().remove_operation(table_id_, operation_.id);
    return false;
  }

  /// Computes every row and publishes column and cells at once. False: a row came meanwhile, the schema changed, or a
  /// reader held the table for too long.
  bool add_in_place() {
    ColumnComputation computation(engine_, *tree_, def_, operation_, on_error_);
    const std::unique_ptr<RowStore> parts = engine_.new_row_store();
    if (!compute_all(computation, *parts)) return false;
    const NewVersion version = computation.version(spec_.name);
    try {
      const bool published = publish(&version, [&](Connection& connection) { write_in_place(connection, *parts); });
      status_ = computation.status();
      return published;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kConcurrentModification) throw;
      return false;
    }
  }

  bool compute_all(ColumnComputation& computation, RowStore& parts) {
    const std::set<std::int64_t> inputs = computation.inputs(*tree_);
    seen_ = last_published(*engine_.connect());
    try {
      const auto rows = read_rows(engine_, tree_, table_id_, {inputs.begin(), inputs.end()}, {});
      while (const std::optional<RowSet> batch = rows->next())
        computation.compute(*tree_, *batch, [&](RowSet cells) { parts.add(std::move(cells)); });
      return true;
    } catch (const StaleSchema&) {
      tree_ = engine_.trees().reload(table_id_);
      check_value();
      return false;
    }
  }

  void write_in_place(Connection& connection, const RowStore& parts) {
    const std::string rows = table().rows_table();
    connection.run("set local lock_timeout = '50ms'");
    connection.run(column_alteration(rows, def_));
    std::vector<std::int64_t> known;
    for (std::size_t place = 0; place < parts.size(); ++place) {
      const RowSet part = parts.at(place);
      const Statement update = update_statement({rows, false, false, {&def_}}, part);
      connection.query(update.sql, update.parameters);
      const Column& ids = part.columns.at(kRowIdColumn);
      for (std::int64_t row = 0; row < ids.length(); ++row) known.push_back(ids.int_at(row));
    }
    SqlParameters parameters;
    parameters.add_array(known);
    connection.query(fmt::format("select case when count(*) = 0 then true else ('stale ' || count(*))::bool end "
                                 "from {} where row_id <> all($1)",
                                 rows),
                     parameters);
    const Statement column = insert_column(def_, operation_.id);
    connection.query(column.sql, column.parameters);
  }

  void register_family() {
    def_.filling = true;
    seen_ = -1;
    while (!publish(nullptr, [&](Connection& connection) {
      connection.run(family_ddl(generation_.sql_table, def_));
      connection.pipeline(
          {insert_column(def_, operation_.id), insert_generation(table_id_, generation_, operation_.id)});
    })) {
    }
    operation_ = new_operation(*engine_.connect(), "add_column", tree_->id, table_id_);
  }

  /// A column of this name is being filled: by another process, which is waited for, or by one that died.
  UpdateStatus resume(const ColumnDef& existing) {
    if (existing.table_id != table_id_ || !existing.value.same_as(spec_.value))
      fail(
          ErrorCode::kInvalidState,
          fmt::format("a column of that name is being filled with {}; wait for it, or give the same expression to take "
                      "its filling up again",
                      existing.value.text()));
    return fill_column(engine_, table_id_, existing.id, spec_.name, on_error_);
  }

  Engine& engine_;
  std::int64_t table_id_;
  const ColumnSpec& spec_;
  OnError on_error_;
  std::shared_ptr<const Tree> tree_;
  std::int64_t replaced_ = 0;
  std::int64_t seen_ = -1;  // the last operation before the rows were read that are computed in place; -1: none were
  ColumnDef def_;
  Generation generation_;
  Operation operation_;
  UpdateStatus status_;
};

}  // namespace

UpdateStatus add_computed_column(Engine& engine, std::int64_t table_id, const ColumnSpec& spec, OnError on_error,
                                 IfExists if_exists) {
  return AddColumn(engine, table_id, spec, on_error).run(if_exists);
}

}  // namespace intarsia
