// SPDX-License-Identifier: Apache-2.0
#include "catalog/declared_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "expr/node.h"
#include "intarsia/error.h"
#include "intarsia/function.h"

namespace intarsia {

namespace {

class Declarer {
 public:
  Declarer(const std::string& described, ColumnScope& scope, TableDef& table)
      : described_(described), scope_(scope), table_(table) {}

  void run(const std::vector<ColumnSpec>& specs, std::vector<std::int64_t>& ids) {
    const std::size_t first = table_.columns.size();
    for (const ColumnSpec& spec : specs) {
      check_name(spec);
      check(spec);
      table_.columns.push_back(column_of(spec, ids.back()));
      ids.pop_back();
    }
    for (const ColumnDef& column : table_.columns)  // they are where they stay
      if (column.value.empty()) scope_.add(column);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      ColumnDef& column = table_.columns[first + i];
      if (specs[i].value.empty()) continue;
      column.value = scope_.bind(specs[i].value);
      scope_.add(column);
    }
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const ColumnSpec& spec, const std::string& what) const {
    throw Error(code, fmt::format("{}: column '{}': {}", described_, spec.name, what));
  }

  void check_name(const ColumnSpec& spec) const {
    const std::string& name = spec.name;
    const bool identifier =
        !name.empty() && (std::isalpha(static_cast<unsigned char>(name[0])) || (name[0] & 0x80) != 0) &&
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c >= 0x80; });
    if (!identifier)
      fail(ErrorCode::kInvalidColumnName, spec,
           "invalid column name: it must be letters, digits and underscores, and begin with a letter");
    for (const ColumnDef& column : table_.columns) {
      if (column.name == name && column.from_iterator)
        fail(ErrorCode::kInvalidSchema, spec, "the iterator makes a column of that name; choose another one");
      if (column.name == name) fail(ErrorCode::kColumnAlreadyExists, spec, "it is declared twice");
      if (is_same_without_case(column.name, name))
        fail(ErrorCode::kInvalidSchema, spec, fmt::format("it differs from column '{}' by case alone", column.name));
    }
    if (scope_.find_of_base(name) != nullptr)
      fail(ErrorCode::kColumnAlreadyExists, spec, "the base has a column of that name already");
  }

  static bool is_same_without_case(const std::string& a, const std::string& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
  }

  void check(const ColumnSpec& spec) const {
    const bool computed = !spec.value.empty();
    const Type& type = computed ? spec.value.type() : spec.type;
    if (!computed && spec.stored == false)
      fail(ErrorCode::kInvalidSchema, spec, "only a computed column can be not stored");
    if (!computed && table_.base_id != 0 && !type.nullable())
      fail(ErrorCode::kInvalidArgument, spec, "a view's column that is not computed must be nullable");
    if (!spec.primary_key) return;
    if (table_.base_id != 0) fail(ErrorCode::kUnsupportedOperation, spec, "a view has the primary key of its base");
    if (type.nullable())
      fail(ErrorCode::kUnsupportedOperation, spec,
           fmt::format("a primary key cannot be nullable; make it {}", type.as_nullable(false).text()));
    if (is_wide(type) || spec.stored == false)
      fail(ErrorCode::kUnsupportedOperation, spec, fmt::format("{} cannot be a primary key", type.text()));
  }

  [[nodiscard]] ColumnDef column_of(const ColumnSpec& spec, std::int64_t id) const {
    ColumnDef column;
    column.id = id;
    column.table_id = table_.id;
    column.name = spec.name;
    column.type = spec.value.empty() ? spec.type : spec.value.type();
    column.value = spec.value;
    column.stored = spec.stored.value_or(true);
    column.primary_key = spec.primary_key;
    column.media_validation = spec.media_validation;
    column.comment = spec.comment;
    column.custom_metadata = spec.custom_metadata;
    column.defined_in = table_.name;
    column.position = static_cast<int>(table_.columns.size());
    return column;
  }

  const std::string& described_;
  ColumnScope& scope_;
  TableDef& table_;
};

const ColumnDef* find_by_name(const std::vector<const ColumnDef*>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto* c) { return c->name == name; });
  return found == columns.end() ? nullptr : *found;
}

/// A generation of its own for each wide column.
void declare_generations(TableDef& table, std::vector<std::int64_t>& ids) {
  for (const ColumnDef& column : table.columns) {
    if (!column.stored || !is_wide(column.type)) continue;
    table.generations.push_back({ids.back(), fmt::format("fam_{}_{}", table.id, ids.back()), {column.id}, false});
    ids.pop_back();
  }
}

}  // namespace

void ColumnScope::add_base(const Tree& tree, std::int64_t base_id) {
  of_base_ = tree.columns_of(base_id);
  bases_ = tree.with_bases(base_id);
}

const ColumnDef* ColumnScope::find_own(const std::string& name) const {
  return find_by_name(own_, name);
}

const ColumnDef* ColumnScope::find_of_base(const std::string& name) const {
  return find_by_name(of_base_, name);
}

Expr ColumnScope::bind(const Expr& expr) const {
  switch (expr.kind()) {
    case Expr::Kind::kLiteral:
      return expr;
    case Expr::Kind::kColumn:
      return bind_column(expr);
    case Expr::Kind::kCall:
      break;
  }
  return bind_call(expr);
}

Expr ColumnScope::bind_column(const Expr& expr) const {
  if (expr.table_id() != 0) {
    for (const TableDef* base : bases_)
      if (const ColumnDef* column = base->find_column(expr.column_id()); column != nullptr && !column->filling)
        return expr;
    throw Error(ErrorCode::kInvalidExpression,
                fmt::format("{}: column '{}' is of another table", described_, expr.name()));
  }
  const ColumnDef* column = find_own(expr.name());
  if (column == nullptr) column = find_of_base(expr.name());
  if (column == nullptr)
    throw Error(ErrorCode::kInvalidExpression,
                fmt::format("{}: no column '{}', or none that is declared before the one that is computed from it",
                            described_, expr.name()));
  if (column->type != expr.type())
    throw Error(ErrorCode::kTypeMismatch, fmt::format("{}: column '{}' is used as {}, but it is {}", described_,
                                                      expr.name(), expr.type().text(), column->type.text()));
  return Expr::column(column->table_id, column->id, column->name, column->type);
}

Expr ColumnScope::bind_call(const Expr& expr) const {
  const Function* function = find_function(expr.name());
  if (function == nullptr)
    throw Error(ErrorCode::kFunctionNotFound, fmt::format("{}: function '{}' is not there", described_, expr.name()));
  if (!function->kernel)
    throw Error(ErrorCode::kInvalidExpression,
                fmt::format("{}: {} is no value of a row: aggregates and iterators cannot be computed columns",
                            described_, expr.text()));
  return bind_args(expr);
}

Expr ColumnScope::bind_args(const Expr& expr) const {
  ExprNode node{Expr::Kind::kCall, expr.type(), {}, 0, 0, expr.name(), {}};
  bool changed = false;
  for (const Expr& arg : expr.args()) {
    node.args.push_back(bind(arg));
    changed |= !node.args.back().same_as(arg);
  }
  return changed ? ExprNode::make(std::move(node)) : expr;
}

void declare_columns(const std::string& described, const std::vector<ColumnSpec>& specs, ColumnScope& scope,
                     TableDef& table, std::vector<std::int64_t> ids) {
  table.columns.reserve(table.columns.size() + specs.size());
  Declarer(described, scope, table).run(specs, ids);
  declare_generations(table, ids);
}

}  // namespace intarsia
