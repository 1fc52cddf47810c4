// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binding.h"

namespace intarsia::python {

/// How Python is called for the rows of a batch.
struct Udf {
  /// Calls itself; in flight: makes a flight, which has `most` calls on their way at once, `start(call, args)`,
  /// `finished()` that waits and gives (call, True, result) or (call, False, exception) of those that ended, and
  /// `cancel()`.
  nb::object function;
  bool in_flight = false;
  bool batched = false;         ///< called with lists for up to batch_size rows, not for each row
  std::int64_t batch_size = 1;  ///< 1 unless batched
  std::vector<bool> in_lists;   ///< batched: the argument comes as a list; others must be the same for the whole batch
};

/// The kernel that calls a Python function on the thread that called the engine. What it raises is the cell's error;
/// KeyboardInterrupt and the like end the operation. Requires: not in flight.
[[nodiscard]] Kernel udf_kernel(Udf udf, std::vector<Parameter> parameters, const Type& return_type);
/// The same of a function with many calls in flight.
[[nodiscard]] Kernel udf_stream(Udf udf, std::vector<Parameter> parameters, const Type& return_type);

}  // namespace intarsia::python
