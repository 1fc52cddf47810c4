// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "binding.h"

namespace intarsia::python {

/// Columns as the package describes them: dicts with name, type or value, stored, primary_key, media_validation,
/// comment, custom_metadata (None: not given).
[[nodiscard]] ColumnSpec column_spec_of(nb::handle fields);
[[nodiscard]] std::vector<ColumnSpec> column_specs_of(nb::list columns);

}  // namespace intarsia::python
