// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "intarsia/batch.h"

namespace intarsia {

/// A column of the nearest of our types: numbers, strings, dictionaries, times of any unit (without a zone they count
/// as UTC), fixed-size lists of numbers as arrays, other nested values as JSON. Nothing is copied where the layouts
/// agree. Throws Error(kInvalidType) for types that have no counterpart.
[[nodiscard]] Column imported_column(const arrow::Field& field, std::shared_ptr<arrow::Array> array);

}  // namespace intarsia
