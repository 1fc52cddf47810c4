// SPDX-License-Identifier: Apache-2.0
#include "plan/query_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "exec/row_set.h"
#include "expr/node.h"
#include "intarsia/error.h"
#include "intarsia/function.h"
#include "plan/inline_columns.h"
#include "plan/select_list.h"

namespace intarsia {

namespace {

constexpr std::int64_t kFirstOutput = -1'000;      // ids of results go down from here
constexpr std::int64_t kFirstPushed = -1'000'000;  // and of what SQL evaluates inside an expression, from here
constexpr std::int64_t kFewRows = 1024;

void append_conjuncts(const Expr& predicate, std::vector<Expr>& conjuncts) {
  if (!predicate.is_call("op.and")) return conjuncts.push_back(predicate);
  for (const Expr& arg : predicate.args()) append_conjuncts(arg, conjuncts);
}

class Planner {
 public:
  Planner(const QuerySpec& spec, const Tree& tree) : spec_(spec), tree_(tree) {}

  QueryPlan plan(bool counting) {
    if (!counting) plan_outputs();
    plan_conditions();
    if (is_aggregate_) {
      plan_aggregate();
    } else {
      if (!counting) plan_order();
      plan_limit();
      plan_reading();
    }
    choose_transfer();
    return std::move(plan_);
  }

 private:
  Expr inlined(const Expr& expr) const {
    check_columns(expr);
    return inline_columns(tree_, expr);
  }

  void check_columns(const Expr& expr) const {
    for (const Expr& arg : expr.args()) check_columns(arg);
    if (expr.kind() != Expr::Kind::kColumn) return;
    const std::vector<const TableDef*> tables = tree_.with_bases(spec_.table_id);
    const bool known =
        std::any_of(tables.begin(), tables.end(), [&](const TableDef* table) { return table->id == expr.table_id(); });
    if (!known)
      throw Error(ErrorCode::kInvalidExpression,
                  fmt::format("column '{}' is not of '{}' or its bases", expr.name(), tables[0]->path));
  }

  /// A copy of the names is asked, so that a refused expression joins nothing.
  bool in_sql(const Expr& expr) const { return ScanSql(tree_, spec_.table_id).translate(expr).has_value(); }

  void plan_outputs() {
    is_aggregate_ = !spec_.group_by.empty();
    std::int64_t id = kFirstOutput;
    for (const NamedExpr& column : result_columns(spec_, tree_)) {
      plan_.outputs.push_back({column.name, column.expr.type(), id--, inlined(column.expr)});
      is_aggregate_ |= has_aggregate(plan_.outputs.back().expr);
    }
  }

  void plan_conditions() {
    std::vector<Expr> conjuncts;
    for (const Expr& predicate : spec_.where) append_conjuncts(inlined(predicate), conjuncts);
    for (const Expr& condition : conjuncts) {
      if (has_aggregate(condition))
        throw Error(ErrorCode::kUnsupportedOperation, fmt::format("where(): {} has an aggregate", condition.text()));
      if (in_sql(condition))
        plan_.scan.where.push_back(condition);
      else
        (reads_decoded(condition) ? plan_.late_filters : plan_.early_filters).push_back(condition);
    }
  }

  bool reads_decoded(const Expr& expr) const {
    bool decoded = false;
    visit_columns(expr, [&](std::int64_t id) {
      for (const TableDef* table : tree_.with_bases(spec_.table_id)) {
        const ColumnDef* column = table->find_column(id);
        decoded |= column != nullptr && !column->stored;
      }
    });
    return decoded;
  }

  void plan_aggregate() {
    if (!plan_.filters_in_sql())
      fail_aggregate(plan_.early_filters.empty() ? plan_.late_filters[0] : plan_.early_filters[0]);
    plan_.scan.table_id = spec_.table_id;
    plan_.scan.is_aggregate = true;
    for (const Expr& key : spec_.group_by) plan_.scan.group_by.push_back(checked_in_sql(inlined(key)));
    for (PlannedOutput& output : plan_.outputs) {
      check_grouped(output.expr, plan_.scan.group_by);
      plan_.scan.items.push_back(
          {output.id, output.type, ScanItem::Source::kExpr, checked_in_sql(std::exchange(output.expr, Expr()))});
    }
    for (const SortKey& key : spec_.order) {
      const Expr expr = inlined(key.expr);
      check_grouped(expr, plan_.scan.group_by);
      plan_.scan.order.push_back({checked_in_sql(expr), key.ascending});
    }
    plan_.scan.limit = spec_.limit;
    plan_.scan.offset = spec_.offset;
    if (spec_.from_end) throw Error(ErrorCode::kUnsupportedOperation, "tail(): not with aggregates");
  }

  Expr checked_in_sql(const Expr& expr) const {
    if (!in_sql(expr)) fail_aggregate(expr);
    return expr;
  }

  [[noreturn]] static void fail_aggregate(const Expr& expr) {
    throw Error(ErrorCode::kUnsupportedOperation,
                fmt::format("aggregates run in SQL, but {} can only be evaluated by the engine: make it a computed "
                            "column, and use that",
                            expr.text()));
  }

  void plan_order() {
    std::vector<SortKey> keys;
    bool all_in_sql = true;
    for (const SortKey& key : spec_.order) {
      keys.push_back({inlined(key.expr), key.ascending});
      if (has_aggregate(keys.back().expr))
        throw Error(ErrorCode::kUnsupportedOperation, "order_by(): an aggregate needs one in select() or group_by()");
      all_in_sql = all_in_sql && in_sql(keys.back().expr);
    }
    if (all_in_sql) {
      plan_.scan.order = std::move(keys);
      return;
    }
    std::int64_t id = kFirstOutput - static_cast<std::int64_t>(plan_.outputs.size());
    for (SortKey& key : keys) plan_.sort.push_back({id--, key.ascending, std::move(key.expr)});
  }

  void plan_limit() {
    const bool in_sql = plan_.filters_in_sql() && plan_.sort.empty();
    (in_sql ? plan_.scan.limit : plan_.limit) = spec_.limit;
    (in_sql ? plan_.scan.offset : plan_.offset) = spec_.offset;
    (in_sql ? plan_.scan.from_end : plan_.from_end) = spec_.from_end;
  }

  /// Which columns and what else the scan reads for what the engine evaluates.
  void plan_reading() {
    std::set<std::int64_t> columns;
    std::vector<ScanItem> pushed;
    bool media = false;
    const auto prepare = [&](Expr& expr) {
      expr = with_pushed(expr, pushed);
      visit_columns(expr, [&](std::int64_t id) { columns.insert(id); });
      media |= calls_with_media(expr);
      plan_.takes_time |= calls_users_function(expr);
    };
    for (Expr& filter : plan_.early_filters) prepare(filter);
    for (Expr& filter : plan_.late_filters) prepare(filter);
    for (PlannedOutput& output : plan_.outputs) prepare(output.expr);
    for (PlannedSortKey& key : plan_.sort) prepare(key.expr);
    ReadPlan read = plan_read(tree_, spec_.table_id, {columns.begin(), columns.end()}, false);
    plan_.scan.table_id = spec_.table_id;
    plan_.scan.items = std::move(read.scan.items);
    plan_.scan.items.insert(plan_.scan.items.end(), pushed.begin(), pushed.end());
    plan_.decoded = std::move(read.decoded);
    plan_.small_batches = media;
    plan_.takes_time |= media || !plan_.decoded.empty();
    plan_.scan.decoded_depth = read.scan.decoded_depth;
    if (!plan_.decoded.empty() && !plan_.scan.order.empty()) sort_by_rank();
  }

  /// Decoding needs an order of its own: the wanted one is restored behind it.
  void sort_by_rank() {
    const auto chain = tree_.with_bases(spec_.table_id);
    plan_.scan.decoded_depth =
        static_cast<std::size_t>(std::find(chain.begin(), chain.end(), plan_.decoded.front()) - chain.begin());
    plan_.scan.items.push_back({kRankColumn, Type(TypeKind::kInt), ScanItem::Source::kRank, {}});
    plan_.sort.push_back({kRankColumn, true, Expr()});
  }

  /// `expr` with what SQL does better read as columns: notes, which only it has, and paths into Json, which it follows
  /// without a text to parse.
  Expr with_pushed(const Expr& expr, std::vector<ScanItem>& pushed) const {
    if (expr.kind() != Expr::Kind::kCall) return expr;
    if (is_for_sql(expr) && in_sql(expr)) return pushed_column(expr, pushed);
    ExprNode node{expr.kind(), expr.type(), {}, 0, 0, expr.name(), {}};
    for (const Expr& arg : expr.args()) node.args.push_back(with_pushed(arg, pushed));
    return ExprNode::make(std::move(node));
  }

  static bool is_for_sql(const Expr& expr) {
    return expr.is_call("cell.errortype") || expr.is_call("cell.errormsg") || expr.is_call("op.path") ||
           std::any_of(expr.args().begin(), expr.args().end(), is_for_sql);
  }

  Expr pushed_column(const Expr& expr, std::vector<ScanItem>& pushed) const {
    std::size_t place = 0;
    while (place < pushed.size() && !pushed[place].expr.same_as(expr)) ++place;
    const std::int64_t id = kFirstPushed - static_cast<std::int64_t>(place);
    if (place == pushed.size()) pushed.push_back({id, expr.type().as_nullable(), ScanItem::Source::kExpr, expr});
    return Expr::column(spec_.table_id, id, expr.text(), expr.type());
  }

  static bool calls_with_media(const Expr& expr) {
    return std::any_of(expr.args().begin(), expr.args().end(),
                       [](const Expr& arg) { return arg.type().is_media() || calls_with_media(arg); });
  }

  static bool calls_users_function(const Expr& expr) {
    const Function* function = expr.kind() == Expr::Kind::kCall ? find_function(expr.name()) : nullptr;
    return (function != nullptr && (!function->cheap || function->runs == Runs::kCallerThread)) ||
           std::any_of(expr.args().begin(), expr.args().end(), calls_users_function);
  }

  void choose_transfer() {
    const ScanQuery& scan = plan_.scan;
    const bool one_row = scan.is_aggregate && scan.group_by.empty();
    plan_.few_rows = one_row || (scan.limit && *scan.limit <= kFewRows);
    plan_.may_be_few = !scan.is_aggregate && !scan.where.empty() && !scan.from_end;
  }

  const QuerySpec& spec_;
  const Tree& tree_;
  bool is_aggregate_ = false;
  QueryPlan plan_;
};

}  // namespace

QueryPlan plan_query(const QuerySpec& spec, const Tree& tree) {
  return Planner(spec, tree).plan(false);
}

QueryPlan plan_count(const QuerySpec& spec, const Tree& tree) {
  return Planner(spec, tree).plan(true);
}

}  // namespace intarsia
