// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <utility>

#include "intarsia/error.h"

namespace intarsia {

/// Where Arrow's errors become ours.
inline void check_arrow(const arrow::Status& status) {
  if (!status.ok()) throw Error(ErrorCode::kInvalidDataFormat, "Arrow data: " + status.message());
}
template <typename T>
T value_or_throw(arrow::Result<T> result) {
  check_arrow(result.status());
  return std::move(result).ValueUnsafe();
}

}  // namespace intarsia
