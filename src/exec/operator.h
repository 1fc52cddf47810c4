// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "exec/row_set.h"

namespace intarsia {

/// One step of a running query. Batches are pulled from the last one; each pulls from the one before it. Used by one
/// thread; whoever destroys an operator early stops what runs below it.
class Operator {
 public:
  virtual ~Operator() = default;
  /// The next batch, never an empty one; nullopt at the end.
  virtual std::optional<RowSet> next() = 0;
};

using OperatorPtr = std::unique_ptr<Operator>;

}  // namespace intarsia
