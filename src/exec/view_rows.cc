// SPDX-License-Identifier: Apache-2.0
#include "exec/view_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "exec/evaluate.h"
#include "intarsia/error.h"
#include "plan/inline_columns.h"

namespace intarsia {

const IteratorFunction& iterator_of(const TableDef& view) {
  const IteratorFunction* iterator = find_iterator(view.iterator.name());
  if (iterator == nullptr)
    throw Error(ErrorCode::kFunctionNotFound,
                fmt::format("iterator '{}' of view '{}' is not there", view.iterator.name(), view.path));
  return *iterator;
}

std::vector<const ColumnDef*> output_columns(const TableDef& view) {
  std::vector<const ColumnDef*> outputs;
  for (const ColumnDef& column : view.columns)
    if (column.from_iterator && !is_position(column)) outputs.push_back(&column);
  return outputs;
}

ViewRowBuilder::ViewRowBuilder(const TableDef& view, const std::set<std::int64_t>& wanted, std::int64_t most_rows,
                               std::int64_t most_bytes)
    : view_(view),
      iterator_(iterator_of(view)),
      outputs_(output_columns(view)),
      most_rows_(most_rows),
      most_bytes_(most_bytes) {
  for (const ColumnDef* output : outputs_) made_.push_back(output->stored || wanted.contains(output->id));
  start_batch();
}

void ViewRowBuilder::start_batch() {
  cells_.clear();
  builders_.clear();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    cells_.push_back(made_[i] ? std::make_unique<ColumnBuilder>(outputs_[i]->type) : nullptr);
    builders_.push_back(cells_.back().get());
  }
}

void ViewRowBuilder::expand(std::span<const Column> args, std::int64_t row, const std::function<void()>& full) {
  const std::vector<Parameter>& parameters = iterator_.function.parameters;
  for (std::size_t i = 0; i < args.size(); ++i)
    if (args[i].is_null(row) && !parameters[i].type.nullable()) return;
  std::unique_ptr<RowIterator> rows;
  for (std::int64_t position = 0;; ++position) {
    try {
      if (rows == nullptr) rows = iterator_.open(args, row);
      if (!rows->next(builders_)) return;
    } catch (const CellFailure& failure) {
      throw RowFailure(fmt::format("{}: {}", failure.type(), failure.what()));
    } catch (const Error& failure) {
      throw RowFailure(failure.what());
    }
    positions_.push_back(position);
    base_rows_.push_back(row);
    if (is_full()) full();
  }
}

bool ViewRowBuilder::is_full() const {
  std::int64_t bytes = 0;
  for (const auto& cells : cells_) bytes += cells == nullptr ? 0 : cells->byte_size();
  return num_rows() >= most_rows_ || bytes >= most_bytes_;
}

RowSet ViewRowBuilder::finish(std::vector<std::int64_t>& base_rows) {
  RowSet rows{num_rows(), {}};
  ColumnBuilder positions{Type(TypeKind::kInt)};
  for (const std::int64_t position : positions_) positions.append_int(position);
  for (const ColumnDef& column : view_.columns)
    if (is_position(column)) rows.columns.emplace(column.id, positions.finish());
  for (std::size_t i = 0; i < outputs_.size(); ++i)
    if (made_[i]) rows.columns.emplace(outputs_[i]->id, cells_[i]->finish());
  base_rows = std::move(base_rows_);
  base_rows_.clear();
  positions_.clear();
  start_batch();
  return rows;
}

void decode_outputs(const Tree& tree, const TableDef& view, Threads& threads, const RowSet& base,
                    const std::set<std::int64_t>& wanted, RowSet& rows) {
  const std::vector<const ColumnDef*> outputs = output_columns(view);
  const auto is_wanted = [&](const ColumnDef* output) { return !output->stored && wanted.contains(output->id); };
  if (std::none_of(outputs.begin(), outputs.end(), is_wanted)) return;
  Evaluator evaluator(threads, base);
  std::vector<Column> args;
  for (const Expr& arg : view.iterator.args()) args.push_back(evaluator.evaluate(inline_columns(tree, arg)));
  std::vector<Column> stored;
  for (const ColumnDef* output : outputs)
    if (output->stored) stored.push_back(rows.columns.at(output->id));
  const std::vector<Column> decoded = iterator_of(view).open_decoder()->decode(args, stored, rows.num_rows);
  std::size_t next = 0;
  for (const ColumnDef* output : outputs)
    if (!output->stored) rows.columns.insert_or_assign(output->id, decoded[next++]);
}

}  // namespace intarsia
