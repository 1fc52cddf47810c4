// SPDX-License-Identifier: Apache-2.0
#include "exec/sort.h"

#include <algorithm>
#include <cmath>

#include "function/json_value.h"

namespace intarsia {

namespace {

constexpr std::int64_t kMostRowsPerBatch = 8192;
constexpr std::int64_t kBytesPerBatch = 8 << 20;
constexpr std::int64_t kBytesPerPiece = 256 << 10;  // of a run that is put aside

template <typename T>
int order_of(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

/// NaN is greater than all numbers.
int order_of_floats(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return order_of<int>(std::isnan(a), std::isnan(b));
  return order_of(a, b);
}

/// Kinds of JSON values order as PostgreSQL orders them.
int json_rank(const JsonValue& value) {
  return value.is_null()      ? 0
         : value.is_string()  ? 1
         : value.is_number()  ? 2
         : value.is_boolean() ? 3
         : value.is_array()   ? 4
                              : 5;
}

int order_of_json(std::string_view a, std::string_view b) {
  const JsonValue left = parse_json(a), right = parse_json(b);
  if (const int order = order_of(json_rank(left), json_rank(right)); order != 0) return order;
  const std::partial_ordering order = compare_json(left, right);
  if (order != std::partial_ordering::unordered) return std::is_lt(order) ? -1 : std::is_gt(order) ? 1 : 0;
  if (const int sizes = order_of(left.size(), right.size()); sizes != 0) return sizes;
  return order_of(a, b);
}

int order_of_cells(const Column& a, std::int64_t i, const Column& b, std::int64_t j) {
  if (a.is_null(i) || b.is_null(j)) return order_of<int>(a.is_null(i), b.is_null(j));
  switch (a.type().kind()) {
    case TypeKind::kInt:
      return order_of(a.int_at(i), b.int_at(j));
    case TypeKind::kFloat:
      return order_of_floats(a.float_at(i), b.float_at(j));
    case TypeKind::kBool:
      return order_of<int>(a.bool_at(i), b.bool_at(j));
    case TypeKind::kTimestamp:
      return order_of(a.timestamp_at(i), b.timestamp_at(j));
    case TypeKind::kDate:
      return order_of(a.date_at(i), b.date_at(j));
    case TypeKind::kUuid:
      return order_of(a.uuid_at(i), b.uuid_at(j));
    case TypeKind::kJson:
      return order_of_json(a.text_at(i), b.text_at(j));
    default:
      return order_of(a.text_at(i), b.text_at(j));
  }
}

}  // namespace

Sort::Sort(Engine& engine, OperatorPtr input, std::vector<PlannedSortKey> keys, std::optional<std::int64_t> most)
    : input_(std::move(input)),
      keys_(std::move(keys)),
      most_(most),
      share_(engine.memory(), engine.memory()->limit() / 4),
      store_(engine.new_row_store()) {}

bool Sort::comes_before(const Place& a, const Place& b) const {
  for (const PlannedSortKey& key : keys_) {
    const Column& left = batches_[a.batch].columns.at(key.id);
    const Column& right = batches_[b.batch].columns.at(key.id);
    const int order = order_of_cells(left, a.row, right, b.row);
    if (order != 0) return key.ascending ? order < 0 : order > 0;
  }
  return false;
}

std::size_t Sort::rows_of(std::int64_t bytes) const {
  const std::int64_t weight = std::max<std::int64_t>(1, bytes_read_ / std::max<std::int64_t>(1, rows_read_));
  return static_cast<std::size_t>(std::clamp<std::int64_t>(bytes / weight, 1, kMostRowsPerBatch));
}

void Sort::sort_places() {
  std::stable_sort(places_.begin(), places_.end(),
                   [this](const Place& a, const Place& b) { return comes_before(a, b); });
  if (most_ && static_cast<std::int64_t>(places_.size()) > *most_) places_.resize(static_cast<std::size_t>(*most_));
}

/// Cells are copied, so that rows that were not chosen are let go.
RowSet Sort::gather(std::size_t begin, std::size_t end) const {
  RowSet rows{static_cast<std::int64_t>(end - begin), {}};
  for (const auto& [id, first] : batches_[places_[begin].batch].columns) {
    ColumnBuilder cells(first.type().as_nullable());
    for (std::size_t i = begin; i < end; ++i)
      cells.append_cell(batches_[places_[i].batch].columns.at(id), places_[i].row);
    rows.columns.emplace(id, cells.finish());
  }
  return rows;
}

void Sort::hold(RowSet rows) {
  for (std::int64_t row = 0; row < rows.num_rows; ++row) places_.push_back({batches_.size(), row});
  batches_.push_back(std::move(rows));
}

/// Lets go of rows that are not among the first `most_`.
void Sort::keep_first() {
  sort_places();
  if (places_.empty()) return;
  RowSet kept = gather(0, places_.size());
  places_.clear();
  batches_.clear();
  share_.clear();
  share_.add(kept.byte_size());
  hold(std::move(kept));
}

void Sort::put_aside() {
  sort_places();
  const std::size_t piece = rows_of(kBytesPerPiece);
  const std::size_t first = store_->size();
  for (std::size_t begin = 0; begin < places_.size(); begin += piece)
    store_->add(gather(begin, std::min(places_.size(), begin + piece)));
  runs_.push_back({first, store_->size()});
  places_.clear();
  batches_.clear();
  share_.clear();
}

void Sort::read() {
  while (std::optional<RowSet> rows = input_->next()) {
    const std::int64_t bytes = rows->byte_size() + rows->num_rows * static_cast<std::int64_t>(sizeof(Place));
    rows_read_ += rows->num_rows;
    bytes_read_ += bytes;
    if (!share_.try_add(bytes)) {
      if (!places_.empty()) put_aside();
      share_.add(bytes);
    }
    hold(std::move(*rows));
    if (!most_ || places_.size() < 2 * (static_cast<std::size_t>(*most_) + kMostRowsPerBatch)) continue;
    keep_first();
    if (places_.empty()) break;  // none is wanted
  }
  input_ = nullptr;
  if (runs_.empty()) return sort_places();
  if (!places_.empty()) put_aside();
  start_merge();
}

/// `places_` becomes a heap: the next row of each run.
void Sort::start_merge() {
  batches_.resize(runs_.size());
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    batches_[run] = store_->take(runs_[run].next_piece++);
    places_.push_back({run, 0});
  }
  std::make_heap(places_.begin(), places_.end(), [this](const Place& a, const Place& b) { return comes_later(a, b); });
}

bool Sort::comes_later(const Place& a, const Place& b) const {
  return comes_before(b, a) || (!comes_before(a, b) && a.batch > b.batch);
}

std::optional<RowSet> Sort::merged() {
  const auto later = [this](const Place& a, const Place& b) { return comes_later(a, b); };
  std::map<std::int64_t, ColumnBuilder> cells;
  for (const auto& [id, column] : batches_[0].columns) cells.emplace(id, column.type());
  const std::size_t most = rows_of(kBytesPerBatch);
  std::size_t rows = 0;
  for (; rows < most && !places_.empty() && (!most_ || static_cast<std::int64_t>(next_) < *most_); ++rows, ++next_) {
    std::pop_heap(places_.begin(), places_.end(), later);
    const auto [run, row] = places_.back();
    for (auto& [id, builder] : cells) builder.append_cell(batches_[run].columns.at(id), row);
    places_.pop_back();
    if (row + 1 < batches_[run].num_rows) {
      places_.push_back({run, row + 1});
    } else if (runs_[run].next_piece < runs_[run].end) {
      batches_[run] = store_->take(runs_[run].next_piece++);
      places_.push_back({run, 0});
    } else {
      continue;
    }
    std::push_heap(places_.begin(), places_.end(), later);
  }
  if (rows == 0) return std::nullopt;
  RowSet result{static_cast<std::int64_t>(rows), {}};
  for (auto& [id, builder] : cells) result.columns.emplace(id, builder.finish());
  return result;
}

std::optional<RowSet> Sort::next() {
  if (input_ != nullptr) read();
  if (!runs_.empty()) return merged();
  if (next_ == places_.size()) return std::nullopt;
  const std::size_t begin = next_;
  next_ = std::min(places_.size(), begin + rows_of(kBytesPerBatch));
  return gather(begin, next_);
}

}  // namespace intarsia
