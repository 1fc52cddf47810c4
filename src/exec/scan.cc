// SPDX-License-Identifier: Apache-2.0
#include "exec/scan.h"

#include <utility>

#include "storage/note.h"
#include "storage/wire.h"

namespace intarsia {

namespace {

constexpr std::int64_t kRowsPerBatch = 8192;
constexpr std::int64_t kBytesPerBatch = 8 << 20;
constexpr std::int64_t kProbeRows = 1024;

}  // namespace

/// The cells of one batch on their way in.
class Scan::Cells {
 public:
  explicit Cells(const std::vector<ScanItem>& items) : items_(items) {
    for (const ScanItem& item : items) builders_.emplace_back(item.type);
  }

  void append(std::size_t item, std::string_view payload) {
    bytes_ += static_cast<std::int64_t>(payload.size());
    wire::read_field(payload, builders_[item]);
  }
  void append_null(std::size_t item) { builders_[item].append_null(); }
  void end_row() { ++rows_; }
  [[nodiscard]] bool full() const { return rows_ >= kRowsPerBatch || bytes_ >= kBytesPerBatch; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }

  std::optional<RowSet> finish() {
    if (rows_ == 0) return std::nullopt;
    RowSet rows{std::exchange(rows_, 0), {}};
    bytes_ = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      Column column = builders_[i].finish();
      if (items_[i].source == ScanItem::Source::kNote) {
        Column& cells = rows.columns.at(items_[i].id);
        cells = with_notes(cells, column);
      } else {
        rows.columns.insert_or_assign(items_[i].id, std::move(column));
      }
    }
    return rows;
  }

 private:
  const std::vector<ScanItem>& items_;
  std::vector<ColumnBuilder> builders_;
  std::int64_t rows_ = 0;
  std::int64_t bytes_ = 0;
};

Scan::Scan(Engine& engine, std::shared_ptr<const Tree> tree, ScanQuery query, Transfer transfer)
    : engine_(engine), tree_(std::move(tree)), query_(std::move(query)), transfer_(transfer) {}

Scan::~Scan() = default;

std::optional<RowSet> Scan::next() {
  engine_.check_interrupt();
  if (done_) return from_aside();
  if (transfer_ == Transfer::kCopy) return copied();
  if (transfer_ == Transfer::kAside) {
    while (!done_)
      if (std::optional<RowSet> rows = copied()) put_aside(*std::move(rows));
    return from_aside();
  }
  done_ = true;
  if (transfer_ == Transfer::kPrepared) return prepared(query_);
  ScanQuery first = query_;
  first.limit = kProbeRows + 1;
  std::optional<RowSet> rows = prepared(first);
  if (rows_prepared_ <= kProbeRows) return rows;
  aside_ = nullptr;
  done_ = false;
  transfer_ = Transfer::kCopy;
  return copied();
}

std::optional<RowSet> Scan::prepared(const ScanQuery& query) {
  SqlParameters parameters;
  const std::string sql = scan_statement(*tree_, query, &parameters);
  Cells cells(query.items);
  std::optional<RowSet> first;
  engine_.connect()->for_each_row(sql, parameters, [&](const SqlRows& row) {
    if (cells.full()) {
      if (first)
        put_aside(*cells.finish());
      else
        first = cells.finish();
    }
    for (std::size_t item = 0; item < query.items.size(); ++item) {
      const int column = static_cast<int>(item);
      if (row.is_null(0, column))
        cells.append_null(item);
      else
        cells.append(item, row.bytes(0, column));
    }
    cells.end_row();
    ++rows_prepared_;
  });
  if (!first) return cells.finish();
  put_aside(*cells.finish());
  return first;
}

void Scan::put_aside(RowSet rows) {
  if (aside_ == nullptr) aside_ = engine_.new_row_store();
  aside_->add(std::move(rows));
}

std::optional<RowSet> Scan::from_aside() {
  if (aside_ == nullptr || next_aside_ == aside_->size()) return std::nullopt;
  return aside_->take(next_aside_++);
}

void Scan::start_copy() {
  connection_ = engine_.connect();
  copy_ = std::make_unique<CopyOut>(*connection_,
                                    "copy (" + scan_statement(*tree_, query_, nullptr) + ") to stdout (format binary)");
}

std::optional<RowSet> Scan::copied() {
  if (copy_ == nullptr) start_copy();
  Cells cells(query_.items);
  std::string_view tuple, payload;
  while (!cells.full()) {
    if (!copy_->next(tuple)) {
      done_ = true;
      copy_ = nullptr;
      connection_ = nullptr;
      break;
    }
    wire::TupleReader fields(tuple);
    for (std::size_t item = 0; item < query_.items.size(); ++item) {
      if (fields.next(payload))
        cells.append(item, payload);
      else
        cells.append_null(item);
    }
    cells.end_row();
  }
  return cells.finish();
}

}  // namespace intarsia
