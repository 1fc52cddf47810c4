// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"

namespace intarsia {

/// Gives small batches, in which what is loaded of a media cell stays with it, so that several functions of one cell
/// load and decode it once.
class Split : public Operator {
 public:
  Split(Engine& engine, OperatorPtr input, std::int64_t rows_per_batch);

  std::optional<RowSet> next() override;

 private:
  Engine& engine_;
  OperatorPtr input_;
  std::int64_t rows_per_batch_;
  RowSet rows_;
  std::int64_t next_row_ = 0;
};

}  // namespace intarsia
