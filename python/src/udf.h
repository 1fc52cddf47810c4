// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binding.h"

namespace intarsia::python {

/// How Python is called for the rows of a batch.
enum class UdfKind {
  kRow,      ///< function(*args) for each row
  kBatched,  ///< function(*lists) for up to batch_size rows
  kMany,     ///< function([args, ...]) for all rows; gives (True, result) or (False, exception) for each
};

struct Udf {
  nb::object function;
  UdfKind kind = UdfKind::kRow;
  std::int64_t batch_size = 1;
  std::vector<bool> in_lists;  ///< kBatched: the argument comes as a list; others must be the same for the whole batch
};

/// The kernel that calls a Python function on the thread that called the engine. What it raises is the cell's error;
/// KeyboardInterrupt and the like end the operation.
[[nodiscard]] Kernel udf_kernel(Udf udf, std::vector<Parameter> parameters, const Type& return_type);

}  // namespace intarsia::python
