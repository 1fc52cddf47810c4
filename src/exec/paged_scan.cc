// SPDX-License-Identifier: Apache-2.0
#include "exec/paged_scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "exec/scan.h"
#include "intarsia/error.h"
#include "plan/inline_columns.h"
#include "storage/publish.h"
#include "storage/row_writer.h"

namespace intarsia {

namespace {

constexpr std::int64_t kMostRows = 8192;
constexpr std::int64_t kMostBytes = 8 << 20;

std::int64_t byte_size(const RowSet& rows) {
  std::int64_t bytes = 0;
  for (const auto& [id, column] : rows.columns) bytes += column.byte_size();
  return bytes;
}

}  // namespace

PagedScan::PagedScan(Engine& engine, std::shared_ptr<const Tree> tree, ScanQuery query)
    : engine_(engine),
      tree_(std::move(tree)),
      query_(std::move(query)),
      by_position_(tree_->table(query_.table_id).has_iterator()),
      rows_per_page_(kMostRows / 8) {
  if (by_position_) query_.items.push_back({kPositionColumn, Type(TypeKind::kInt), ScanItem::Source::kPosition, {}});
}

bool PagedScan::can_read(const ScanQuery& query) {
  return !query.is_aggregate && !query.decoded_depth && !query.limit && query.offset == 0 && !query.from_end &&
         query.order.empty() && query.sql_where.empty() && !query.chosen;
}

std::optional<RowSet> PagedScan::next() {
  if (batches_.empty() && !done_) read_page();
  if (batches_.empty()) return std::nullopt;
  RowSet rows = std::move(batches_.front());
  batches_.pop_front();
  return rows;
}

std::string PagedScan::page_condition() const {
  std::string condition = last_key_.empty() ? "true" : last_key_;
  if (!query_.as_of)
    condition += fmt::format(" and {} and t0.version not in (select id from operations where published > {})",
                             untouched_condition(tree_->id, newest_), newest_);
  return condition;
}

/// Rows of the first page's time that others change from now on are read from the history.
void PagedScan::pin() {
  query_.as_of = newest_;
  std::set<std::string> sql_tables;
  for (const TableDef* table : tree_->with_bases(query_.table_id))
    for (const SqlTarget& target : sql_targets(*table))
      if (!target.filling) sql_tables.insert(target.sql_table);
  engine_.history().ensure(*engine_.connect(), sql_tables, tree_->schema_version);
}

void PagedScan::read_page() {
  engine_.check_interrupt();
  const bool first = newest_ < 0;
  if (first) newest_ = last_published(*engine_.connect());
  while (true) {
    ScanQuery page = query_;
    page.limit = rows_per_page_;
    page.range = range_;
    page.sql_where = page_condition();
    try {
      return read_rows_of_page(page);
    } catch (const RowsTouched&) {
      batches_.clear();
      pin();
    } catch (const StaleSchema&) {
      if (first) {
        newest_ = -1;
        query_.as_of.reset();
        throw;
      }
      batches_.clear();
      follow_schema();
    }
  }
}

void PagedScan::read_rows_of_page(const ScanQuery& page) {
  Scan scan(engine_, tree_, page, Scan::Transfer::kCopy);
  std::int64_t rows = 0, bytes = 1;
  while (std::optional<RowSet> batch = scan.next()) {
    rows += batch->num_rows;
    bytes += byte_size(*batch);
    batches_.push_back(std::move(*batch));
  }
  done_ = rows < *page.limit;
  if (rows == 0) return;
  const RowSet& last = batches_.back();
  const auto cell = [&](std::int64_t id) { return last.columns.at(id).int_at(last.num_rows - 1); };
  if (by_position_) {
    range_ = RowRange{true, cell(kParentIdColumn)};
    last_key_ = fmt::format("(t0.parent_id, t0.pos) > ({}, {})", cell(kParentIdColumn), cell(kPositionColumn));
  } else {
    range_ = RowRange{false, cell(kRowIdColumn) + 1};
  }
  rows_per_page_ = std::clamp<std::int64_t>(kMostBytes * rows / bytes, 1, kMostRows);
}

void PagedScan::follow_schema() {
  tree_ = engine_.trees().reload(query_.table_id);
  if (query_.as_of) pin();
  const auto check = [this](const Expr& expr) {
    if (!expr.empty()) (void)inline_columns(*tree_, expr);  // throws for a column that is gone
  };
  for (const ScanItem& item : query_.items) check(item.expr);
  for (const Expr& condition : query_.where) check(condition);
}

}  // namespace intarsia
