// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "intarsia/batch.h"
#include "intarsia/function.h"

namespace intarsia {

/// A column that an iterator yields. One that is not stored is decoded on demand by the iterator's Decoder.
struct IteratorOutput {
  std::string name;
  Type type;
  bool stored = true;
};

/// The rows that one row of the base expands to, in order.
class RowIterator {
 public:
  virtual ~RowIterator() = default;
  /// Appends one cell to each builder (one per output; those of outputs that are not stored are null pointers unless
  /// they were asked for) and returns true, or returns false at the end.
  virtual bool next(std::span<ColumnBuilder* const> outputs) = 0;
};

/// Gives back the cells of the outputs that are not stored, for rows that come ordered by base row and position.
/// One decoder serves one query: it keeps what it has open between calls.
class OutputDecoder {
 public:
  virtual ~OutputDecoder() = default;
  /// `args` and `stored` (the stored outputs, in their order) belong to the same rows; the result has one column per
  /// output that is not stored.
  virtual std::vector<Column> decode(std::span<const Column> args, std::span<const Column> stored,
                                     std::int64_t rows) = 0;
};

/// An iterator function. `function` describes it in the registry (its kernel is empty).
struct IteratorFunction {
  Function function;
  std::vector<IteratorOutput> outputs;
  /// Checks argument values that are literals; throws Error(kInvalidArgument). Optional.
  std::function<void(std::span<const Value* const> literals)> check = nullptr;
  /// Opens the iterator for row `row` of the arguments; throws CellFailure or Error when the row cannot be expanded.
  std::function<std::unique_ptr<RowIterator>(std::span<const Column> args, std::int64_t row)> open;
  std::function<std::unique_ptr<OutputDecoder>()> open_decoder = nullptr;
};

/// Also registers `function`.
void register_iterator(IteratorFunction iterator);
[[nodiscard]] const IteratorFunction* find_iterator(std::string_view name);

}  // namespace intarsia
