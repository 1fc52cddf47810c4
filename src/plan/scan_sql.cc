// SPDX-License-Identifier: Apache-2.0
#include "plan/scan_sql.h"

#include <fmt/format.h>

#include <algorithm>

#include "intarsia/error.h"
#include "plan/sql_text.h"
#include "storage/history.h"

namespace intarsia {

ScanSql::ScanSql(const Tree& tree, std::int64_t table_id, std::optional<std::int64_t> as_of)
    : tree_(tree), chain_(tree.with_bases(table_id)), as_of_(as_of) {}

std::size_t ScanSql::depth_of(std::int64_t column_id) const {
  std::size_t depth = 0;
  while (depth < chain_.size() && chain_[depth]->find_column(column_id) == nullptr) ++depth;
  return depth;
}

const ColumnDef& ScanSql::find(std::int64_t column_id, std::size_t& depth) const {
  depth = depth_of(column_id);
  if (depth == chain_.size())
    throw Error(ErrorCode::kColumnNotFound,
                fmt::format("'{}' has no column with the id {} (any more)", chain_[0]->path, column_id));
  return *chain_[depth]->find_column(column_id);
}

std::string ScanSql::alias(std::size_t depth) {
  joined_ = std::max(joined_, depth);
  return fmt::format("t{}", depth);
}

std::string ScanSql::holder(std::size_t depth, std::int64_t column_id) {
  const TableDef& table = *chain_[depth];
  const std::string& sql_table = table.sql_table_of(column_id);
  const std::string rows = alias(depth);
  const auto generation = std::find_if(table.generations.begin(), table.generations.end(),
                                       [&](const Generation& g) { return g.sql_table == sql_table; });
  if (generation == table.generations.end()) return rows;
  const std::string name = fmt::format("f{}", generation->id);
  const auto known = std::any_of(generation_joins_.begin(), generation_joins_.end(),
                                 [&](const auto& join) { return join.first == generation->id; });
  if (!known)
    generation_joins_.emplace_back(
        generation->id, fmt::format(" left join {0} {1} on {1}.row_id = {2}.row_id{3}",
                                    entries(sql_target(table, *generation)), name, rows, in_range(depth, name)));
  return name;
}

/// " and f5.row_id >= 7", if the rows of that depth have the ids of which the range speaks.
std::string ScanSql::in_range(std::size_t depth, const std::string& name) const {
  const std::size_t first = range_ && range_->by_parent ? 1 : 0;
  if (!range_ || depth < first) return {};
  for (std::size_t between = first; between < depth; ++between)
    if (chain_[between]->has_iterator()) return {};
  std::string condition = fmt::format(" and {}.row_id >= {}", name, range_->first);
  if (range_->last) condition += fmt::format(" and {}.row_id <= {}", name, *range_->last);
  return condition;
}

std::string ScanSql::range() const {
  if (!range_) return "true";
  const std::string column = range_->by_parent ? "t0.parent_id" : "t0.row_id";
  std::string condition = fmt::format("{} >= {}", column, range_->first);
  if (range_->last) condition += fmt::format(" and {} <= {}", column, *range_->last);
  return condition;
}

std::string ScanSql::entries(const SqlTarget& target) const {
  if (!as_of_) return target.sql_table;
  return fmt::format(
      "(select {0} from {1} where version not in (select id from operations where published > {3}) union all "
      "select {0} from {2} where until in (select id from operations where published > {3}) "
      "and version not in (select id from operations where published > {3}))",
      target.column_list(), target.sql_table, history_table(target.sql_table), *as_of_);
}

std::string ScanSql::column(std::int64_t column_id) {
  std::size_t depth = 0;
  const ColumnDef& column = find(column_id, depth);
  return fmt::format("{}.{}", holder(depth, column_id), sql_name(column));
}

std::string ScanSql::note(std::int64_t column_id) {
  std::size_t depth = 0;
  const ColumnDef& column = find(column_id, depth);
  return has_note(column) ? fmt::format("{}.{}_note", holder(depth, column_id), sql_name(column)) : "";
}

std::string ScanSql::row_id(std::size_t depth) {
  return alias(depth) + ".row_id";
}

std::string ScanSql::parent_id(std::size_t depth) {
  return alias(depth) + ".parent_id";
}

std::string ScanSql::position(std::size_t depth) {
  return alias(depth) + ".pos";
}

std::vector<std::string> ScanSql::insertion_order() {
  if (!chain_[0]->has_iterator()) return {row_id()};
  return {parent_id(), position()};
}

std::string ScanSql::from() const {
  std::string sql = fmt::format("{} t0", entries(sql_targets(*chain_[0])[0]));
  for (std::size_t depth = 1; depth <= joined_; ++depth)
    sql += fmt::format(" join {0} t{1} on t{1}.row_id = t{2}.{3}{4}", entries(sql_targets(*chain_[depth])[0]), depth,
                       depth - 1, chain_[depth - 1]->has_iterator() ? "parent_id" : "row_id",
                       in_range(depth, fmt::format("t{}", depth)));
  for (const auto& [id, join] : generation_joins_) sql += join;
  return sql;
}

std::string ScanSql::fresh() const {
  return fmt::format(
      "(select case when max(schema_version) = {} then true "
      "else ('stale ' || coalesce(max(schema_version), 0))::bool end from trees where id = {})",
      tree_.schema_version, tree_.id);
}

std::optional<std::string> ScanSql::translate(const Expr& expr) {
  return SqlText(*this, nullptr).translate(expr);
}

}  // namespace intarsia
