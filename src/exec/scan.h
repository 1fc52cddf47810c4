// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "exec/engine.h"
#include "exec/operator.h"
#include "plan/scan_query.h"

namespace intarsia {

/// Reads what one ScanQuery gives. The statement runs at the first next(), which may throw StaleSchema.
class Scan : public Operator {
 public:
  enum class Transfer {
    kPrepared,  ///< one prepared statement, all rows at once: for few rows
    kCopy,      ///< streamed
    kAside,     ///< all rows at once, put aside, so that the statement ends however slowly they are taken
    kProbe,     ///< prepared for a first few rows; streamed, from the start, when there are more
  };

  Scan(Engine& engine, std::shared_ptr<const Tree> tree, ScanQuery query, Transfer transfer);
  ~Scan() override;

  std::optional<RowSet> next() override;

 private:
  class Cells;

  std::optional<RowSet> prepared(const ScanQuery& query);
  std::optional<RowSet> copied();
  std::optional<RowSet> from_aside();
  void put_aside(RowSet rows);
  void start_copy();

  Engine& engine_;
  std::shared_ptr<const Tree> tree_;
  ScanQuery query_;
  Transfer transfer_;
  bool done_ = false;
  std::int64_t rows_prepared_ = 0;
  Pool::Lease connection_;
  std::unique_ptr<CopyOut> copy_;
  std::unique_ptr<RowStore> aside_;
  std::size_t next_aside_ = 0;
};

}  // namespace intarsia
