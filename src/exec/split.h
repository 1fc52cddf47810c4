// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"

namespace intarsia {

/// Gives small batches, in which what is loaded of a media cell stays with it, so that several functions of one cell
/// load and decode it once. As many rows as the memory budget allows by what was loaded of the batches before.
class Split : public Operator {
 public:
  Split(Engine& engine, OperatorPtr input, std::int64_t most_rows);

  std::optional<RowSet> next() override;

 private:
  Engine& engine_;
  OperatorPtr input_;
  BatchSize size_;
  RowSet rows_;
  RowSet given_;  // the media of the batch before
  std::int64_t next_row_ = 0;
};

}  // namespace intarsia
