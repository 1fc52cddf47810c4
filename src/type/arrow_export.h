// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>

#include "intarsia/batch.h"

namespace intarsia {

/// A column as users of Arrow expect it: media as URLs, arrays of a full shape as fixed-size lists.
[[nodiscard]] std::shared_ptr<arrow::Field> exported_field(const Type& type, std::string name);
[[nodiscard]] std::shared_ptr<arrow::Array> exported_array(const Column& column);

}  // namespace intarsia
