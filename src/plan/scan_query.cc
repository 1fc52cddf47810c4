// SPDX-License-Identifier: Apache-2.0
#include "plan/scan_query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "intarsia/error.h"
#include "storage/wire.h"

namespace intarsia {

namespace {

/// Writes one statement. Names come first, since they decide what is joined.
class ScanStatement {
 public:
  ScanStatement(const Tree& tree, const ScanQuery& query, SqlParameters* parameters)
      : query_(query),
        scan_(tree, query.table_id, query.as_of),
        // GROUP BY takes two expressions for the same only if their literals are written out.
        text_(scan_, query.is_aggregate ? nullptr : parameters) {
    if (query.range) scan_.only(*query.range);
  }

  std::string rows() {
    std::vector<std::string> items;
    for (const ScanItem& item : query_.items) items.push_back(item_sql(item));
    const std::vector<std::string> sorted = order(query_.from_end);
    if (!query_.decoded_depth && !query_.from_end) return select(items, sorted) + limits();
    return reordered(items, sorted);
  }

  std::string count() {
    if (!query_.limit && query_.offset == 0 && !query_.is_aggregate) return select({"count(*)"}, {});
    const std::vector<std::string> grouped = query_.is_aggregate ? order(false) : std::vector<std::string>();
    return fmt::format("select count(*) from ({}{}) q", select({"1"}, grouped), limits());
  }

 private:
  std::string translated(const Expr& expr) {
    if (std::optional<std::string> sql = text_.translate(expr)) return *std::move(sql);
    throw Error(ErrorCode::kInternal, fmt::format("{} has no SQL", expr.text()));
  }

  std::string item_sql(const ScanItem& item) {
    switch (item.source) {
      case ScanItem::Source::kRowId:
        return scan_.row_id();
      case ScanItem::Source::kParentId:
        return scan_.parent_id();
      case ScanItem::Source::kPosition:
        return scan_.position();
      case ScanItem::Source::kNote:
        return scan_.note(item.id);
      case ScanItem::Source::kRank:
        return fmt::format("row_number() over (order by {})", fmt::join(order(false), ", "));
      case ScanItem::Source::kExpr:
        break;
    }
    const std::string sql = translated(item.expr);
    return item.expr.kind() == Expr::Kind::kColumn ? sql : fmt::format("{}::{}", sql, wire::sql_type(item.type));
  }

  std::string choice(const RowChoice& rows) {
    return fmt::format("{} = any({})", rows.by_parent ? scan_.parent_id() : scan_.row_id(), text_.numbers(rows.ids));
  }

  std::vector<std::string> order(bool reversed) {
    std::vector<std::string> keys;
    if (query_.unordered) return keys;
    for (const SortKey& key : query_.order)
      keys.push_back(sql_order_key(key.expr.type(), translated(key.expr), key.ascending != reversed));
    if (!query_.is_aggregate)
      for (const std::string& key : scan_.insertion_order()) keys.push_back(reversed ? key + " desc" : key);
    return keys;
  }

  std::string select(const std::vector<std::string>& items, const std::vector<std::string>& sorted) {
    std::vector<std::string> conditions{scan_.fresh()};
    for (const Expr& condition : query_.where) conditions.push_back(translated(condition));
    if (query_.chosen) conditions.push_back(choice(*query_.chosen));
    if (query_.range) conditions.push_back(scan_.range());
    if (!query_.sql_where.empty()) conditions.push_back("(" + query_.sql_where + ")");
    std::vector<std::string> groups;
    for (const Expr& key : query_.group_by) groups.push_back(translated(key));
    std::string sql =
        fmt::format("select {} from {} where {}", fmt::join(items, ", "), scan_.from(), fmt::join(conditions, " and "));
    if (!groups.empty()) sql += fmt::format(" group by {}", fmt::join(groups, ", "));
    if (!sorted.empty()) sql += fmt::format(" order by {}", fmt::join(sorted, ", "));
    return sql;
  }

  std::string limits() {
    std::string sql;
    if (query_.limit) sql += fmt::format(" limit {}", *query_.limit);  // no parameter: the plan depends on it
    if (query_.offset > 0) sql += " offset " + text_.number(query_.offset);
    return sql;
  }

  /// The rows that one order and a limit choose, in another order.
  std::string reordered(std::vector<std::string> items, const std::vector<std::string>& sorted) {
    std::vector<std::string> names, outer;
    for (std::size_t i = 0; i < items.size(); ++i) {
      names.push_back(fmt::format("a{}", i));
      items[i] += " " + names.back();
    }
    std::vector<std::string> keys = scan_.insertion_order();
    if (query_.decoded_depth) {
      const std::vector<std::string> insertion = std::move(keys);
      keys = {scan_.parent_id(*query_.decoded_depth), scan_.position(*query_.decoded_depth)};
      if (*query_.decoded_depth != 0) keys.insert(keys.end(), insertion.begin(), insertion.end());
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      items.push_back(fmt::format("{} k{}", keys[i], i));
      outer.push_back(fmt::format("k{}", i));
    }
    if (query_.order.empty() && !query_.limit && query_.offset == 0)
      return fmt::format("select {} from ({}) q order by {}", fmt::join(names, ", "), select(items, {}),
                         fmt::join(outer, ", "));
    return fmt::format("select {} from ({}{}) q order by {}", fmt::join(names, ", "), select(items, sorted), limits(),
                       fmt::join(outer, ", "));
  }

  const ScanQuery& query_;
  ScanSql scan_;
  SqlText text_;
};

}  // namespace

std::string scan_statement(const Tree& tree, const ScanQuery& query, SqlParameters* parameters) {
  return ScanStatement(tree, query, parameters).rows();
}

std::string count_statement(const Tree& tree, const ScanQuery& query, SqlParameters* parameters) {
  return ScanStatement(tree, query, parameters).count();
}

}  // namespace intarsia
