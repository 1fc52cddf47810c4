// SPDX-License-Identifier: Apache-2.0
#include "intarsia/query.h"

#include <fmt/format.h>

#include "exec/run_query.h"
#include "intarsia/error.h"
#include "intarsia/table.h"
#include "plan/query_spec.h"
#include "plan/select_list.h"
#include "telemetry/operation_report.h"

namespace intarsia {

namespace {

/// A changed copy.
template <typename Change>
Query with(const QuerySpec& spec, const Change& change) {
  auto changed = std::make_shared<QuerySpec>(spec);
  change(*changed);
  return Query(std::move(changed));
}

void require_rows(std::string_view method, std::int64_t rows) {
  if (rows < 0)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}() needs a number of rows >= 0, got {}", method, rows));
}

/// head() and tail() speak of the insertion order, whatever limit() said.
Query first_rows(const QuerySpec& spec, std::string_view method, std::int64_t rows, bool from_end) {
  require_rows(method, rows);
  if (!spec.order.empty() || !spec.group_by.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}() cannot be used with order_by() or group_by()", method));
  return with(spec, [&](QuerySpec& changed) {
    changed.limit = rows;
    changed.offset = 0;
    changed.from_end = from_end;
  });
}

std::string path_of(const QuerySpec& spec) {
  return spec.engine->trees().of_table(spec.table_id)->table(spec.table_id).path;
}

std::string megabytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / (1 << 20));  // as the configuration counts
}

[[noreturn]] void fail_too_large(const MemoryBudget& budget, const MemoryShare& collected, std::int64_t rows) {
  const std::int64_t others = budget.used() - collected.bytes();
  throw Error(
      ErrorCode::kUnsupportedOperation,
      fmt::format("the result does not fit into memory_limit, {}: after {} rows it has {}, and {} are in use by "
                  "other operations and results; take the rows one after the other with cursor(), select fewer "
                  "columns or rows, or raise memory_limit",
                  megabytes(budget.limit()), rows, megabytes(collected.bytes()), megabytes(others)));
}

ResultSet collected(const QuerySpec& spec) {
  const std::shared_ptr<MemoryBudget>& budget = spec.engine->memory();
  const auto share = std::make_shared<MemoryShare>(budget, budget->limit());
  RunningQuery query(spec);
  std::vector<std::string> names;
  std::vector<Type> types;
  for (const PlannedOutput& output : query.plan().outputs) {
    names.push_back(output.name);
    types.push_back(output.type);
  }
  std::vector<Batch> batches;
  std::int64_t rows = 0;
  while (std::optional<Batch> batch = query.next()) {
    rows += batch->num_rows();
    if (!share->try_add(batch->byte_size())) fail_too_large(*budget, *share, rows);
    batches.push_back(std::move(*batch));
  }
  return ResultSet(std::move(names), std::move(types), std::move(batches), share);
}

}  // namespace

Query Table::query() const {
  auto spec = std::make_shared<QuerySpec>();
  spec->engine = engine_;
  spec->table_id = id_;
  return Query(std::move(spec));
}

ResultSet::ResultSet(std::vector<std::string> names, std::vector<Type> types, std::vector<Batch> batches,
                     std::shared_ptr<const void> held)
    : names_(std::move(names)), types_(std::move(types)), batches_(std::move(batches)), held_(std::move(held)) {
  for (const Batch& batch : batches_) num_rows_ += batch.num_rows();
}

Value ResultSet::value(std::int64_t row, int column) const {
  if (row < 0 || row >= num_rows_ || column < 0 || column >= static_cast<int>(names_.size()))
    throw Error(ErrorCode::kInvalidArgument, fmt::format("no cell ({}, {}) in a result of {} rows and {} columns", row,
                                                         column, num_rows_, names_.size()));
  std::size_t batch = 0;
  while (row >= batches_[batch].num_rows()) row -= batches_[batch++].num_rows();
  return batches_[batch].column(column).value_at(row);
}

Cursor::Cursor(std::unique_ptr<RunningQuery> query) : query_(std::move(query)) {
  for (const PlannedOutput& output : query_->plan().outputs) schema_.emplace_back(output.name, output.type);
}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

std::optional<Batch> Cursor::next() {
  return query_->next();
}

Query Query::select(std::vector<NamedExpr> items) const {
  if (!spec_->items.empty()) throw Error(ErrorCode::kInvalidArgument, "Select list already specified");
  return with(*spec_, [&](QuerySpec& spec) { spec.items = with_names(std::move(items)); });
}

Query Query::where(const Expr& predicate) const {
  if (predicate.empty()) throw Error(ErrorCode::kInvalidExpression, "where(): the predicate is an empty expression");
  if (predicate.type().kind() != TypeKind::kBool)
    throw Error(
        ErrorCode::kTypeMismatch,
        fmt::format("where() expression needs to return `Bool`, but instead returns `{}`", predicate.type().text()));
  return with(*spec_, [&](QuerySpec& spec) { spec.where.push_back(predicate); });
}

Query Query::order_by(std::vector<Expr> keys, bool ascending) const {
  for (const Expr& key : keys) {
    if (key.empty()) throw Error(ErrorCode::kInvalidExpression, "order_by(): a key is an empty expression");
    if (key.type().is_media() || key.type().kind() == TypeKind::kArray)
      throw Error(ErrorCode::kTypeMismatch,
                  fmt::format("order_by(): values of type {} have no order", key.type().text()));
  }
  return with(*spec_, [&](QuerySpec& spec) {
    for (Expr& key : keys) spec.order.push_back({std::move(key), ascending});
  });
}

Query Query::group_by(std::vector<Expr> keys) const {
  if (!spec_->group_by.empty()) throw Error(ErrorCode::kInvalidArgument, "group_by() already specified");
  for (const Expr& key : keys)
    if (key.empty()) throw Error(ErrorCode::kInvalidExpression, "group_by(): a key is an empty expression");
  return with(*spec_, [&](QuerySpec& spec) { spec.group_by = std::move(keys); });
}

Query Query::limit(std::int64_t rows, std::int64_t offset) const {
  require_rows("limit", rows);
  require_rows("limit", offset);
  return with(*spec_, [&](QuerySpec& spec) {
    spec.limit = rows;
    spec.offset = offset;
    spec.from_end = false;
  });
}

std::vector<std::pair<std::string, Type>> Query::schema() const {
  const std::shared_ptr<const Tree> tree = spec_->engine->trees().newest(spec_->table_id);
  std::vector<std::pair<std::string, Type>> schema;
  for (const NamedExpr& column : result_columns(*spec_, *tree)) schema.emplace_back(column.name, column.expr.type());
  return schema;
}

ResultSet Query::collect() const {
  return reported("query", path_of(*spec_), LogLevel::kDebug, [&](OperationReport& report) {
    ResultSet result = collected(*spec_);
    report.add("rows", result.num_rows());
    return result;
  });
}

Cursor Query::cursor() const {
  return Cursor(std::make_unique<RunningQuery>(*spec_, true));
}

std::int64_t Query::count() const {
  return reported("count", path_of(*spec_), LogLevel::kDebug, [&](OperationReport& report) {
    const std::int64_t rows = count_rows(*spec_);
    report.add("rows", rows);
    return rows;
  });
}

ResultSet Query::head(std::int64_t n) const {
  return first_rows(*spec_, "head", n, false).collect();
}

ResultSet Query::tail(std::int64_t n) const {
  return first_rows(*spec_, "tail", n, true).collect();
}

void Query::for_each_batch(const std::function<bool(const Batch&)>& visit) const {
  Cursor rows = cursor();
  while (const std::optional<Batch> batch = rows.next())
    if (!visit(*batch)) return;
}

std::string Query::explain() const {
  const std::shared_ptr<const Tree> tree = spec_->engine->trees().newest(spec_->table_id);
  return explain_plan(plan_query(*spec_, *tree), *tree);
}

}  // namespace intarsia
