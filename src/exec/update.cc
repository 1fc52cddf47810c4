// SPDX-License-Identifier: Apache-2.0
#include "exec/update.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "exec/cascade.h"
#include "exec/cell_failures.h"
#include "exec/change_rows.h"
#include "exec/evaluate.h"
#include "exec/input_rows.h"
#include "plan/inline_columns.h"

namespace intarsia {

namespace {

class Update : public ChangeRows {
 public:
  Update(std::shared_ptr<Engine> engine, std::int64_t table_id, const std::vector<NamedExpr>& values, const Expr& where,
         const UpdateOptions& options)
      : ChangeRows(std::move(engine), table_id, "update", where), values_(values), options_(options) {}

 protected:
  void prepare() override {
    assigned_.clear();
    given_.clear();
    num_rows_ = 0;
    for (const NamedExpr& value : values_) assign(value);
    impact_ = options_.cascade ? impact_of(tree(), table(), given_) : Impact{given_, {}, {}};
  }

  [[nodiscard]] std::set<std::int64_t> inputs() const override {
    std::set<std::int64_t> ids;
    for (const auto& [id, expr] : assigned_) visit_columns(expr, [&](std::int64_t column) { ids.insert(column); });
    for (const std::int64_t id : reads_of(tree(), table(), impact_))
      if (table().find_column(id) != nullptr && !given_.contains(id) && !is_recomputed(id)) ids.insert(id);
    return ids;
  }

  void change(RowSet rows) override {
    const std::int64_t num_rows = rows.num_rows;
    Evaluator evaluator(engine().threads(), rows, &engine().results());
    const InputRows input(table(), description(), OnError::kAbort, engine().threads());
    std::map<std::int64_t, Column> cells;
    for (const auto& [id, expr] : assigned_) {
      const auto number = [this](std::int64_t row) { return num_rows_ + row; };
      const Column result = without_failures(evaluator.evaluate(expr), expr, description(), number);
      cells.emplace(id, input.bind_cells(*table().find_column(id), result, num_rows_));
    }
    for (auto& [id, column] : cells) rows.columns.insert_or_assign(id, std::move(column));
    Derivation derivation(engine(), operation(), description(), OnError::kIgnore, changes().made, progress());
    Cascade(engine(), shared_tree(), impact_, operation(), derivation, changes())
        .change(table(), std::move(rows), given_);
    num_rows_ += num_rows;
  }

  void complete(UpdateStatus& status) const override {
    for (const auto& [id, other] : tree().tables)
      for (const ColumnDef& column : other.columns)
        if (impact_.changed.contains(column.id) && !column.filling)
          status.updated_columns.push_back(other.name + "." + column.name);
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("{}: {}", description(), what));
  }

  [[nodiscard]] bool is_recomputed(std::int64_t id) const {
    return impact_.changed.contains(id) && !given_.contains(id);
  }

  void assign(const NamedExpr& value) {
    const ColumnDef* column = nullptr;
    for (const ColumnDef& own : table().columns)
      if (own.name == value.name && !own.filling) column = &own;
    if (column == nullptr) {
      std::vector<std::string> names;
      for (const ColumnDef& own : table().columns)
        if (own.value.empty() && !own.filling) names.push_back(own.name);
      fail(ErrorCode::kColumnNotFound,
           fmt::format("unknown column '{}'; what can be updated: {}", value.name, fmt::join(names, ", ")));
    }
    if (!column->value.empty())
      fail(ErrorCode::kUnsupportedOperation,
           fmt::format("column '{}' is computed and cannot be updated; update what it is computed from", column->name));
    if (!given_.insert(column->id).second)
      fail(ErrorCode::kInvalidArgument, fmt::format("column '{}' is given twice", column->name));
    const Type& type = value.expr.type();
    const bool is_null = value.expr.kind() == Expr::Kind::kLiteral && value.expr.value().is_null();
    if (!is_null && !may_hold(column->type, type))
      fail(ErrorCode::kTypeMismatch, fmt::format("{} is a `{}` and does not fit column '{}', a `{}`", value.expr.text(),
                                                 type.text(), column->name, column->type.text()));
    if (is_null && !column->type.nullable())
      fail(ErrorCode::kUnsupportedOperation,
           fmt::format("column '{}' is a `{}` and cannot be None; declare it as `{}` to allow nulls", column->name,
                       column->type.text(), column->type.as_nullable().text()));
    assigned_.emplace_back(column->id, inline_columns(tree(), value.expr));
  }

  const std::vector<NamedExpr>& values_;
  UpdateOptions options_;
  std::vector<std::pair<std::int64_t, Expr>> assigned_;
  std::set<std::int64_t> given_;
  Impact impact_;
  std::int64_t num_rows_ = 0;
};

class Delete : public ChangeRows {
 public:
  Delete(std::shared_ptr<Engine> engine, std::int64_t table_id, const Expr& where)
      : ChangeRows(std::move(engine), table_id, "delete", where) {}

 protected:
  void prepare() override {}
  [[nodiscard]] std::set<std::int64_t> inputs() const override { return {}; }

  void change(RowSet rows) override {
    EndedRows ended{table().id, false, {}, {}};
    const Column& ids = rows.columns.at(kRowIdColumn);
    for (std::int64_t row = 0; row < rows.num_rows; ++row) ended.ids.push_back(ids.int_at(row));
    changes().ended.push_back(std::move(ended));
  }

  void complete(UpdateStatus& /*status*/) const override {}
};

}  // namespace

UpdateStatus update_rows(std::shared_ptr<Engine> engine, std::int64_t table_id, const std::vector<NamedExpr>& values,
                         const Expr& where, const UpdateOptions& options) {
  return Update(std::move(engine), table_id, values, where, options).run();
}

UpdateStatus delete_rows(std::shared_ptr<Engine> engine, std::int64_t table_id, const Expr& where) {
  return Delete(std::move(engine), table_id, where).run();
}

}  // namespace intarsia
