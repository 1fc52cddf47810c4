// SPDX-License-Identifier: Apache-2.0
// Fills: what a new column or a new view needs for the rows that are there. The SQL table is registered as filling
// first; from then on every writer writes to it too, readers ignore it, and a fill that dies is taken up again by
// whoever comes next, at the rows that are still missing.
#pragma once

#include "exec/engine.h"
#include "intarsia/table.h"
#include "storage/publish.h"

namespace intarsia {

/// Holds, for one session, what only one process may fill. Released when it goes away, also when the process dies.
class FillClaim {
 public:
  /// Waits for whoever has it, at most until `check_interrupt` throws.
  FillClaim(Engine& engine, std::int64_t object_id);
  ~FillClaim();
  /// Makes all that was committed since the claim was taken durable. Throws Error(kDatabaseUnavailable) when the
  /// session was lost meanwhile: then the server may have lost some of it.
  void flush();
  /// Whether some session has it now.
  static bool is_taken(Engine& engine, std::int64_t object_id);
  FillClaim(const FillClaim&) = delete;
  FillClaim& operator=(const FillClaim&) = delete;

 private:
  Pool::Lease connection_;
  std::int64_t object_id_;
};

/// Makes the rows of a filling view and publishes it. Also resumes. What fails under OnError::kAbort takes the view
/// away again and comes out as Error.
UpdateStatus fill_view(Engine& engine, std::int64_t view_id, OnError on_error);

/// Computes a filling column that has a generation of its own, and publishes it under `name`, with `also` in the same
/// transaction. What fails under OnError::kAbort takes the column away again.
UpdateStatus fill_column(Engine& engine, std::int64_t table_id, std::int64_t column_id, const std::string& name,
                         OnError on_error, const std::vector<Statement>& also = {});

}  // namespace intarsia
