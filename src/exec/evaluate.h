// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "exec/kept_results.h"
#include "exec/row_set.h"
#include "exec/threads.h"
#include "intarsia/expr.h"
#include "intarsia/function.h"

namespace intarsia {

/// Evaluates expressions over one RowSet; what several of them share is computed once. Runs on the caller's thread and
/// lets the threads help where a function allows it.
class Evaluator {
 public:
  /// `results`: where finished calls are looked up and kept; null: every call is made.
  Evaluator(Threads& threads, const RowSet& rows, KeptResults* results = nullptr)
      : threads_(threads), rows_(rows), results_(results) {}

  /// One cell per row. A cell whose input has an error has that error.
  Column evaluate(const Expr& expr);

 private:
  Column call(const Expr& expr);
  Column run_kernel(const Function& function, const Expr& expr, const std::vector<Column>& args, std::int64_t rows);
  Column run_parts(const Function& function, const Type& type, const std::vector<Column>& args, std::int64_t rows);

  Threads& threads_;
  const RowSet& rows_;
  KeptResults* results_;
  std::vector<std::pair<Expr, Column>> known_;
};

/// The function of a call; throws Error(kFunctionNotFound) that names it and says what it disables.
[[nodiscard]] const Function& function_of(const Expr& call);

/// The rows for which a Bool column is true.
[[nodiscard]] std::vector<std::int64_t> true_rows(const Column& predicate);

}  // namespace intarsia
