// SPDX-License-Identifier: Apache-2.0
#include "exec/decode.h"

#include <algorithm>

#include "exec/evaluate.h"
#include "exec/view_rows.h"
#include "plan/inline_columns.h"

namespace intarsia {

namespace {

constexpr std::int64_t kMostRows = 32;
constexpr std::int64_t kFirstRows = 4;

}  // namespace

Decode::Decode(Engine& engine, const Tree& tree, const TableDef& view, OperatorPtr input)
    : engine_(engine),
      view_(view),
      outputs_(output_columns(view)),
      decoder_(iterator_of(view).open_decoder()),
      input_(std::move(input)),
      size_(kFirstRows, kMostRows, engine.memory()->batch_bytes()) {
  for (const Expr& arg : view.iterator.args()) args_.push_back(inline_columns(tree, arg));
}

std::vector<std::int64_t> Decode::inputs(const Tree& tree, const TableDef& view) {
  std::vector<std::int64_t> ids;
  for (const Expr& arg : view.iterator.args())
    visit_columns(inline_columns(tree, arg), [&](std::int64_t id) { ids.push_back(id); });
  for (const ColumnDef* output : output_columns(view))
    if (output->stored) ids.push_back(output->id);
  return ids;
}

std::optional<RowSet> Decode::next() {
  if (next_row_ == rows_.num_rows) {
    std::optional<RowSet> rows = input_->next();
    if (!rows) return std::nullopt;
    rows_ = std::move(*rows);
    next_row_ = 0;
  }
  engine_.check_interrupt();
  RowSet batch = rows_.slice(next_row_, std::min(size_.rows(), rows_.num_rows - next_row_));
  next_row_ += batch.num_rows;
  Evaluator evaluator(engine_.threads(), batch);
  std::vector<Column> args, stored;
  for (const Expr& arg : args_) args.push_back(evaluator.evaluate(arg));
  for (const ColumnDef* output : outputs_)
    if (output->stored) stored.push_back(batch.columns.at(output->id));
  std::vector<Column> decoded = decoder_->decode(args, stored, batch.num_rows);
  std::int64_t bytes = 0;
  std::size_t made = 0;
  for (const ColumnDef* output : outputs_) {
    if (output->stored) continue;
    bytes += decoded[made].byte_size();
    batch.columns.insert_or_assign(output->id, std::move(decoded[made++]));
  }
  size_.learn(batch.num_rows, bytes);
  return batch;
}

}  // namespace intarsia
