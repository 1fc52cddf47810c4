// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <string>

namespace intarsia {

/// Appends cell `row` as JSON: structs and maps as objects, lists as lists, times and decimals as text. Throws
/// Error(kInvalidType) for bytes.
void append_arrow_json(const arrow::Array& cells, std::int64_t row, std::string& out);

}  // namespace intarsia
